// Failures in the form of the Open Inference Protocol. Pure.
#pragma once
#include "http/request.hpp"
#include "http/response.hpp"

namespace millrace::api::protocol {

// For http::Hooks::before_send: below /v2 a problem document, whoever made it, becomes {"error":"…"} with a status that
// the protocol's clients know; everything else stays as it is.
void speak_protocol(const http::Request& request, http::Response& response);

} // namespace millrace::api::protocol
