// The bytes of an answer's header, and the answers that the session makes itself. Pure but for the date.
#pragma once
#include "http/framing.hpp"
#include "http/response.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::http {

struct HeadOptions {
    std::string_view request_id;
    bool keep_alive = true;
    bool say_keep_alive = false; // to an HTTP/1.0 client
    bool chunked = false;
    std::string_view upgrade; // the protocol that is spoken from here on; empty: HTTP
    std::optional<std::uint64_t>
        length; // of the body; nullopt with `chunked`, and when the end of the connection ends it
};

// Appends the header, its empty line included, to `out`.
void append_head(std::string& out, const Response& response, const HeadOptions& options);

bool has_no_body(unsigned status); // 1xx, 204, 304

// The problem document for a refused request; 405 and OPTIONS are made where Allow is known.
Response refused(const Refusal& refusal, std::string_view request_id);

} // namespace millrace::http
