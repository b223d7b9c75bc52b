// multipart/form-data (RFC 7578) read piece by piece from a request's body. A part is never held in memory.
// One coroutine uses it; it borrows the BodyReader.
#pragma once
#include "http/request.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::http {

struct PartHead {
    std::string name;
    std::optional<std::string> filename; // the last path component; for display only
    std::string content_type;            // when the part does not say: text/plain, of a file application/octet-stream
};

class MultipartReader {
public:
    static constexpr std::size_t max_boundary = 70, max_head = 8 * 1024, max_parts = 32, max_name = 256;

    // unsupported_type when `content_type` is not multipart/form-data; invalid_argument when its boundary is
    // missing or malformed.
    static Result<MultipartReader> open(std::string_view content_type, BodyReader& body);

    // The next part's head, skipping what is unread of the present one; nullopt after the last.
    awaitable<Result<std::optional<PartHead>>> next();
    // The next bytes of the present part, valid until the next call; empty at its end. Errors are the
    // BodyReader's, and invalid_argument when the body ends inside a part.
    awaitable<Result<std::span<const std::byte>>> read();
    // The rest of the present part; too_large when it is more than `max`.
    awaitable<Result<std::string>> text(std::size_t max);

private:
    enum class State { start, inside, between, done };
    enum class Line { more, next_part, last, content };

    MultipartReader(std::string boundary, BodyReader& body);
    awaitable<Result<bool>> fill(); // false at the end of the body
    Line after_delimiter(std::size_t at, std::size_t& consumed) const;
    Result<PartHead> parse_head(std::string_view head) const;

    BodyReader* body_;
    std::string delimiter_; // CRLF, two hyphens, boundary
    std::vector<char> buffer_;
    std::size_t begin_ = 0, end_ = 0; // what is unread in buffer_
    std::size_t parts_ = 0;
    State state_ = State::start;
    bool ended_ = false; // the body gave its end
};

} // namespace millrace::http
