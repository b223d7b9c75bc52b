// The body of a submit: JSON, or a form whose file parts are stored as blobs first.
#pragma once
#include "base/json.hpp"
#include "blobs/blob_store.hpp"
#include "http/request.hpp"
#include "jobs/processor.hpp"

#include <string>
#include <vector>

namespace millrace::api {

struct SubmitBody {
    json::value document;              // with submit_texts kept
    std::string fingerprint;           // what an Idempotency-Key is bound to
    std::vector<jobs::Effect> effects; // the rows of the files, to be written with the job
};

awaitable<Result<SubmitBody>> read_submit(http::Request& request, blobs::BlobStore& blobs, Timestamp now,
                                          std::uint64_t max_upload_bytes);

} // namespace millrace::api
