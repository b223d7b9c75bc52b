#include "http/forwarded.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::http;

namespace {

const TrustedProxies proxies{*IpNetwork::parse("127.0.0.1"), *IpNetwork::parse("10.0.0.0/8"),
                             *IpNetwork::parse("fd00::/8")};

std::string client_of(std::initializer_list<std::string_view> fields) {
    Headers headers;
    for (const auto field : fields) headers.add("x-forwarded-for", field);
    return read_forwarded(headers, proxies, "127.0.0.1").client;
}

} // namespace

TEST_CASE("only the proxies that are named are trusted") {
    CHECK(is_trusted(proxies, "127.0.0.1"));
    CHECK(is_trusted(proxies, "10.200.0.1"));
    CHECK_FALSE(is_trusted(proxies, "127.0.0.2"));
    CHECK_FALSE(is_trusted(proxies, "192.0.2.1"));
    CHECK_FALSE(is_trusted(proxies, "unix"));
    CHECK_FALSE(is_trusted({}, "127.0.0.1"));
}

TEST_CASE("the client is the last one that no trusted proxy is, whatever it wrote before itself") {
    CHECK(client_of({}) == "127.0.0.1");
    CHECK(client_of({"192.0.2.1"}) == "192.0.2.1");
    CHECK(client_of({"203.0.113.9, 192.0.2.1"}) == "192.0.2.1");
    CHECK(client_of({"203.0.113.9, 192.0.2.1, 10.1.1.1,10.2.2.2"}) == "192.0.2.1");
    CHECK(client_of({"203.0.113.9", "192.0.2.1, 10.1.1.1", "10.2.2.2"}) == "192.0.2.1");
    CHECK(client_of({"10.1.1.1, 10.2.2.2"}) == "10.1.1.1");
    CHECK(client_of({"127.0.0.1, 192.0.2.1"}) == "192.0.2.1");
}

TEST_CASE("addresses come with ports and brackets; what is none ends with the proxy that wrote it") {
    CHECK(client_of({"192.0.2.1:4711"}) == "192.0.2.1");
    CHECK(client_of({"[2001:DB8::1]:4711"}) == "2001:db8::1");
    CHECK(client_of({"[2001:db8::1]"}) == "2001:db8::1");
    CHECK(client_of({"2001:db8::1"}) == "2001:db8::1");
    CHECK(client_of({"::ffff:192.0.2.1"}) == "192.0.2.1");
    for (const char* wrong :
         {"", ",", "unknown", "_hidden", "[", "[]", "]", "[::1", "192.0.2.1:", "a:b", "192.0.2.1 192.0.2.2"}) {
        CAPTURE(wrong);
        const auto client = client_of({std::string_view{wrong}, "10.1.1.1"});
        CHECK((client == "10.1.1.1" || client == "192.0.2.1" || client == "::1"));
    }
    CHECK(client_of({"203.0.113.9, unknown, 10.1.1.1"}) == "10.1.1.1");
    CHECK(client_of({std::string(10'000, ',')}) == "127.0.0.1");
}

TEST_CASE("the scheme and the host are the nearest proxy's word") {
    Headers headers;
    CHECK_FALSE(read_forwarded(headers, proxies, "127.0.0.1").tls);
    headers.add("X-Forwarded-Proto", "http, HTTPS");
    headers.add("X-Forwarded-Host", "evil.example, millrace.example");
    const auto forwarded = read_forwarded(headers, proxies, "127.0.0.1");
    CHECK(forwarded.tls);
    CHECK(forwarded.host == "millrace.example");
    Headers other;
    other.add("X-Forwarded-Proto", "https, http");
    other.add("Forwarded", "for=192.0.2.1;proto=https"); // of the other family: passed on as the client sent it
    CHECK_FALSE(read_forwarded(other, proxies, "127.0.0.1").tls);
    CHECK(read_forwarded(other, proxies, "127.0.0.1").client == "127.0.0.1");
}
