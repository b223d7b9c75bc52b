// Errors as values: every operation that can fail for a reason outside the program returns Result<T>.
// Absence is not failure: a lookup returns Result<std::optional<T>>.
#pragma once
#include <boost/system/result.hpp>
#include <boost/throw_exception.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace millrace {

// The api room maps each code to one HTTP status and one problem type; nothing else does.
enum class Code {
    invalid_argument,    // 400: malformed request
    unauthenticated,     // 401
    forbidden,           // 403
    not_found,           // 404
    conflict,            // 409: the state of the thing forbids it
    gone,                // 410
    precondition_failed, // 412
    too_large,           // 413
    unsupported_type,    // 415
    unprocessable,       // 422: well-formed, but wrong in its content
    rate_limited,        // 429
    internal,            // 500
    unavailable,         // 503: full, stopping or broken; try again
    storage_full,        // 507
    timed_out,           // 504
};

struct Error {
    Code code = Code::internal;
    std::string detail;          // for the person who sent the request: what is wrong and what to do
    int retry_after_seconds = 0; // of unavailable and rate_limited: when to try again; 0: soon
};

// Found by boost::system::result::value() on an error.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location& where) {
    boost::throw_exception(std::runtime_error{error.detail}, where);
}

template <class T>
using Result = boost::system::result<T, Error>;

inline Result<void> success() { return {}; }

} // namespace millrace
