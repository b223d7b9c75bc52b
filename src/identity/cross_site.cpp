#include "identity/cross_site.hpp"

#include <string>

namespace millrace::identity {
namespace {

Error refused(std::string_view why) {
    return {Code::forbidden, "a write with the session cookie was refused: " + std::string{why}};
}

} // namespace

Result<void> check_cookie_write(const CookieWrite& request) {
    if (request.millrace_request != "1") return refused("the header X-Millrace-Request: 1 is missing");
    if (request.origin.empty() && request.sec_fetch_site.empty())
        return refused("neither Origin nor Sec-Fetch-Site says where it came from");
    if (!request.origin.empty()) {
        const std::string_view scheme = request.tls ? "https://" : "http://";
        if (!request.tls && !request.host.empty() && request.origin == "https://" + std::string{request.host})
            return refused("Origin is https, which a proxy speaks that is not trusted: name it in "
                           "http.trusted_proxies, and let it send X-Forwarded-Proto");
        if (request.host.empty() || !request.origin.starts_with(scheme) ||
            request.origin.substr(scheme.size()) != request.host)
            return refused("Origin is not this host");
    }
    if (!request.sec_fetch_site.empty() && request.sec_fetch_site != "same-origin" && request.sec_fetch_site != "none")
        return refused("Sec-Fetch-Site is not same-origin");
    return success();
}

} // namespace millrace::identity
