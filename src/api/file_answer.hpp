// Answers with an immutable file that is named by its digest: entity tag, 304, one byte range. The bytes are checked
// against the digest as they go out (http/file_reading.hpp), and the store is told what was found.
#pragma once
#include "api/byte_range.hpp"
#include "base/descriptor.hpp"
#include "blobs/blob_store.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::api {

struct FileOffer {
    std::string sha256; // becomes the entity tag
    std::uint64_t size = 0;
    std::string content_type;
    std::string name; // proposed to whoever saves it
};

// What needs no file: 304 or 416; nullopt when the file is wanted.
std::optional<http::Response> answer_without_file(const http::Request& request, const FileOffer& offer);
// 200, or 206 with the range that was asked for. `file` is at offset 0 and has `offer.size` bytes; `store`, which it is
// of, outlives the answer.
http::Response answer_with_file(const http::Request& request, const FileOffer& offer, Descriptor file,
                                blobs::BlobStore& store);
// A file of the store, checked before anything is promised where it is known to be damaged.
awaitable<Result<std::optional<blobs::OpenBlob>>> open_for_answer(blobs::BlobStore& store, std::string sha256,
                                                                  std::uint64_t size);

} // namespace millrace::api
