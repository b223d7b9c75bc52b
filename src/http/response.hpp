// An answer: a status, header fields and a body that is a string, a file, a stream or another protocol. The session
// adds Date, X-Request-Id, Content-Length, Connection, `Cache-Control: no-store` and the security headers unless the
// handler set them.
#pragma once
#include "async/awaitable.hpp"
#include "base/result.hpp"

#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::http {

// The SHA-256 that the bytes of a whole file must have; empty: they are not checked. Each answer with the whole file is
// checked, and each part of a small one (file_reading.hpp): a file that was damaged on the disk never reaches a client
// as a complete answer.
struct Checksum {
    std::string sha256;     // hex
    std::uint64_t size = 0; // of the whole file
    std::function<void(bool)>
        verdict; // whether the file is sound; called on a files thread, each time that it was read whole
};

// Part of an open file, sent in pieces read on the files pool. Owns the descriptor.
class FileBody {
public:
    FileBody(int descriptor, std::uint64_t offset, std::uint64_t length, Checksum checksum = {})
        : fd_{descriptor},
          offset_{offset},
          length_{length},
          checksum_{std::move(checksum)} {}
    FileBody(FileBody&& o) noexcept
        : fd_{std::exchange(o.fd_, -1)},
          offset_{o.offset_},
          length_{o.length_},
          checksum_{std::move(o.checksum_)} {}
    FileBody& operator=(FileBody&& o) noexcept;
    ~FileBody();

    int descriptor() const { return fd_; }
    std::uint64_t offset() const { return offset_; }
    std::uint64_t length() const { return length_; }
    const Checksum& checksum() const { return checksum_; }

private:
    int fd_;
    std::uint64_t offset_, length_;
    Checksum checksum_;
};

// Given to a StreamBody; used on the session's io thread only.
class StreamWriter {
public:
    virtual ~StreamWriter() = default;
    // False when the peer is gone or too slow, or the server is stopping: return soon, nothing more gets out.
    virtual awaitable<bool> write(std::string piece) = 0;
    virtual bool stopping() const = 0;
};

// A body of unknown length, produced while it is sent (server-sent events, exports). The callable is kept alive
// until its coroutine ends.
struct StreamBody {
    std::function<awaitable<void>(StreamWriter&)> produce;
};

// A connection that speaks another protocol from now on (RFC 9110, 7.8), both ways. Given to an Upgrade; used on the
// session's io thread only, by one coroutine that reads and one that writes at most.
class Channel {
public:
    virtual ~Channel() = default;
    // What has come, `into.size()` bytes at most, as soon as there is some. 0: the peer has gone, or nothing came in
    // time.
    virtual awaitable<std::size_t> read(std::span<char> into, std::chrono::milliseconds at_most) = 0;
    // False when the peer is gone or too slow.
    virtual awaitable<bool> write(std::string piece) = 0;
    virtual bool stopping() const = 0; // the server: say good-bye and return soon
};

// The answer 101 to a request that asked for `protocol` in its Upgrade field. The handler has checked that it did. The
// connection is closed when `speak` returns, which is kept alive until then. An HTTP/1.0 client, or one whose request
// had a body, gets 400 instead.
struct Upgrade {
    std::string protocol; // as in "websocket"
    std::function<awaitable<void>(Channel&)> speak;
};

struct HeaderField {
    std::string name, value;
};

struct Response {
    unsigned status = 200;
    std::vector<HeaderField> headers;
    std::variant<std::string, FileBody, StreamBody, Upgrade> body;
    // What it hands over is taken back: called, on the session's io thread, when the peer has gone before it was all
    // written. Then none of it is sent, or the connection broke in its middle.
    std::function<void()> undelivered{};

    // Replaces a field of that name. Control characters in values are dropped, so that nothing a client sent can
    // split an answer.
    Response& set(std::string_view name, std::string value) &;
    Response&& set(std::string_view name, std::string value) && { return std::move(set(name, std::move(value))); }
    // Adds another field of that name (Set-Cookie, Link).
    Response& add(std::string_view name, std::string value) &;
    const std::string* find(std::string_view name) const;
};

Response empty(unsigned status = 204);
Response text(unsigned status, std::string_view content_type, std::string body);
Response json_text(unsigned status, std::string body); // already serialised
Response json(unsigned status, const boost::json::value& value);

// The one place that maps an error's code to a status and a problem type.
unsigned status_of(Code code);
std::string_view slug_of(Code code);
std::string_view title_of(Code code);
// RFC 9457. `request_id` becomes `instance`. unauthenticated carries WWW-Authenticate, unavailable and
// rate_limited a Retry-After: what the error says, one second where it says nothing.
Response problem(const Error& error, std::string_view request_id);
// For conditions that only HTTP knows (405, 411, 414, 431 …).
Response problem(unsigned status, std::string_view slug, std::string_view title, std::string_view detail,
                 std::string_view request_id);

} // namespace millrace::http
