// The rule against forged writes: a browser sends the session cookie by itself, so a write that is authenticated by
// the cookie must show that a page of this very origin made it. Requests with a key need none of this. Pure.
#pragma once
#include "base/result.hpp"

#include <string_view>

namespace millrace::identity {

// The headers of the request; empty where absent.
struct CookieWrite {
    std::string_view host;
    std::string_view origin;
    std::string_view sec_fetch_site;
    std::string_view millrace_request; // X-Millrace-Request: no form and no simple request can carry it
    bool tls = false;                  // known to be, from a trusted proxy
};

// forbidden, with what is missing, unless X-Millrace-Request is "1", and Origin (where sent) is exactly this host's,
// and Sec-Fetch-Site (where sent) is same-origin or none, and at least one of the two was sent.
Result<void> check_cookie_write(const CookieWrite& request);

} // namespace millrace::identity
