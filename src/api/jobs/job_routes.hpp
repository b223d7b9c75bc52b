// /api/v1/jobs.
#pragma once
#include "blobs/blob_store.hpp"
#include "http/router.hpp"
#include "jobs/job_service.hpp"

namespace millrace::api {

// Borrows everything for the life of the router.
void add_job_routes(http::Router& router, jobs::JobService& jobs, blobs::BlobStore& blobs, const Clock& clock,
                    std::uint64_t max_upload_bytes, async::ThreadPool& pool);

} // namespace millrace::api
