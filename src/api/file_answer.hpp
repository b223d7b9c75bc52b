// Answers with an immutable file that is named by its digest: entity tag, 304, one byte range.
#pragma once
#include "api/byte_range.hpp"
#include "base/descriptor.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::api {

struct FileOffer {
    std::string sha256;       // becomes the entity tag
    std::uint64_t size = 0;
    std::string content_type;
    std::string name;         // proposed to whoever saves it
};

// What needs no file: 304 or 416; nullopt when the file is wanted.
std::optional<http::Response> answer_without_file(const http::Request& request, const FileOffer& offer);
// 200, or 206 with the range that was asked for. `file` is at offset 0 and has `offer.size` bytes.
http::Response answer_with_file(const http::Request& request, const FileOffer& offer, Descriptor file);

} // namespace millrace::api
