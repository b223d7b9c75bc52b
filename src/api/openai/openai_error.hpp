// Failures in the form of OpenAI's API. Pure.
#pragma once
#include "http/request.hpp"
#include "http/response.hpp"

namespace millrace::api::openai {

// For http::Hooks::before_send: below /v1 a problem document, whoever made it, becomes
// {"error":{"message","type","param","code"}} with a status that the clients of that API know; everything else stays as
// it is.
void speak_openai(const http::Request& request, http::Response& response);

} // namespace millrace::api::openai
