// The name of a request in logs and answers: the client's X-Request-Id where it is a plain word, or one of ours. Any
// thread.
#pragma once
#include <string>
#include <string_view>

namespace millrace::http {

bool is_request_id(std::string_view text);
void make_request_id(std::string& id); // in place, so that a connection's requests share its memory

} // namespace millrace::http
