#include "identity/cookie.hpp"
#include "identity/cross_site.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::identity;

TEST_CASE("the session cookie cannot be read by scripts or sent from other sites") {
    CHECK(session_cookie("t", false) == "sid=t; Path=/; HttpOnly; SameSite=Strict");
    CHECK(session_cookie("t", true) == "__Host-sid=t; Path=/; Secure; HttpOnly; SameSite=Strict");
    CHECK(cleared_session_cookie(false).ends_with("Max-Age=0"));
}

TEST_CASE("the token is found among other cookies") {
    CHECK(session_token("sid=abc", false) == "abc");
    CHECK(session_token("theme=dark; sid=abc;x=y", false) == "abc");
    CHECK_FALSE(session_token("", false));
    CHECK_FALSE(session_token("sid=", false));
    CHECK_FALSE(session_token("notsid=abc; sid2=abc", false));
    CHECK_FALSE(session_token("sid=abc", true));
    CHECK(session_token("sid=abc; __Host-sid=def", true) == "def");
}

TEST_CASE("a session cookie that came twice counts for nothing") {
    CHECK_FALSE(session_token("sid=abc; sid=def", false));
}

TEST_CASE("a write with a cookie needs the header that no form can send") {
    CookieWrite request{.host = "127.0.0.1:7878",
                        .origin = "http://127.0.0.1:7878",
                        .sec_fetch_site = "same-origin",
                        .millrace_request = "1"};
    CHECK(check_cookie_write(request).has_value());
    request.millrace_request = "";
    CHECK(check_cookie_write(request).error().code == Code::forbidden);
    request.millrace_request = "yes";
    CHECK_FALSE(check_cookie_write(request).has_value());
}

TEST_CASE("a write with a cookie is taken from this very origin only") {
    CookieWrite request{.host = "127.0.0.1:7878", .origin = "", .sec_fetch_site = "", .millrace_request = "1"};
    CHECK_FALSE(check_cookie_write(request).has_value()); // nothing says where it came from
    request.origin = "http://127.0.0.1:7878";
    CHECK(check_cookie_write(request).has_value());
    for (const char* other : {"http://127.0.0.1:7879", "https://127.0.0.1:7878", "http://evil.example", "null",
                              "http://127.0.0.1:7878.evil.example", "http://127.0.0.1:7878/", "http://"}) {
        request.origin = other;
        CHECK_MESSAGE(!check_cookie_write(request).has_value(), other);
    }
    request.origin = "https://127.0.0.1:7878";
    request.tls = true;
    CHECK(check_cookie_write(request).has_value());
}

TEST_CASE("a browser that says the write crossed sites is believed") {
    CookieWrite request{.host = "h", .origin = "http://h", .sec_fetch_site = "cross-site", .millrace_request = "1"};
    CHECK_FALSE(check_cookie_write(request).has_value());
    request.sec_fetch_site = "same-site";
    CHECK_FALSE(check_cookie_write(request).has_value());
    request.sec_fetch_site = "none";
    CHECK(check_cookie_write(request).has_value());
    request.origin = "";
    request.sec_fetch_site = "same-origin";
    CHECK(check_cookie_write(request).has_value());
}
