// What a server does with bytes that are no proper request.
#include "unit/http/server_fixture.hpp"

using namespace millrace;
using namespace millrace::http;
using namespace millrace::http::test;

TEST_CASE("malformed and ambiguous requests are refused, the connection is closed, and the server lives on") {
    struct Case {
        std::string what;
        std::string bytes;
        unsigned expected;
    };
    const std::string post = "POST /echo HTTP/1.1\r\n" + host, get = "GET /hello HTTP/1.1\r\n" + host;
    const std::vector<Case> cases{
        {"length and chunks", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"chunks and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400},
        {"unknown coding", post + "Transfer-Encoding: gzip\r\n\r\n", 501},
        {"coding before chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
        {"chunked twice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501},
        {"two codings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400},
        {"obscured coding", post + "Transfer-Encoding: xchunked\r\n\r\n", 501},
        {"coding in 1.0", "POST /echo HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"equal lengths twice", post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
        {"different lengths", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
        {"list of lengths", post + "Content-Length: 1, 1\r\n\r\nx", 400},
        {"signed length", post + "Content-Length: +1\r\n\r\nx", 400},
        {"negative length", post + "Content-Length: -1\r\n\r\nx", 400},
        {"hexadecimal length", post + "Content-Length: 0x1\r\n\r\nx", 400},
        {"empty length", post + "Content-Length: \r\n\r\n", 400},
        {"length beyond 64 bits", post + "Content-Length: 18446744073709551617\r\n\r\nx", 400},
        {"blank before colon", post + "Content-Length : 1\r\n\r\nx", 400},
        {"folded line", get + "A: b\r\n c\r\n\r\n", 400},
        {"folded first line", "GET /hello HTTP/1.1\r\n Host: localhost\r\n\r\n", 400},
        {"no host", "GET /hello HTTP/1.1\r\n\r\n", 400},
        {"two hosts", get + host + "\r\n", 400},
        {"bad host", "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        {"host with user", "GET /hello HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
        {"empty host", "GET /hello HTTP/1.1\r\nHost:\r\n\r\n", 400},
        {"NUL in a value", get + std::string{"A: b\0c\r\n\r\n", 10}, 400},
        {"control in a value", get + "A: b\x01\r\n\r\n", 400},
        {"bare CR in a value", get + "A: b\rC: d\r\n\r\n", 400},
        {"bare LF", "GET /hello HTTP/1.1\nHost: localhost\n\n", 400},
        {"no field name", get + ": x\r\n\r\n", 400},
        {"no colon", get + "nonsense\r\n\r\n", 400},
        {"name with blank", get + "a b: c\r\n\r\n", 400},
        {"unknown method", "BREW /hello HTTP/1.1\r\n" + host + "\r\n", 501},
        {"CONNECT", "CONNECT localhost:80 HTTP/1.1\r\n" + host + "\r\n", 501},
        {"field that is no text", get + "Content-Type: a\xff\r\n\r\n", 400},
        {"surrogate in a field", get + "Idempotency-Key: \xed\xa0\x80\r\n\r\n", 400},
        {"lower-case method", "get /hello HTTP/1.1\r\n" + host + "\r\n", 501},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"HTTP/2.0", "GET /hello HTTP/2.0\r\n" + host + "\r\n", 505},
        {"HTTP/1.2", "GET /hello HTTP/1.2\r\n" + host + "\r\n", 505},
        {"HTTP/0.9", "GET /hello\r\n", 400},
        {"lower-case version", "GET /hello http/1.1\r\n" + host + "\r\n", 400},
        {"two blanks", "GET  /hello HTTP/1.1\r\n" + host + "\r\n", 400},
        {"TLS", "\x16\x03\x01\x02\x01\x01", 400},
        {"empty lines", "\r\n\r\n\r\n", 400},
        {"long target", "GET /" + std::string(5000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
        {"long header", get + "A: " + std::string(20'000, 'a') + "\r\n\r\n", 431},
        {"many fields",
         [&] {
             auto bytes = get;
             for (int i = 0; i < 120; ++i) bytes += "A: b\r\n";
             return bytes + "\r\n";
         }(),
         431},
        {"climbing path", "GET /../etc/passwd HTTP/1.1\r\n" + host + "\r\n", 400},
        {"climbing in code", "GET /a/%2e%2e/b HTTP/1.1\r\n" + host + "\r\n", 400},
        {"NUL in the path", "GET /%00 HTTP/1.1\r\n" + host + "\r\n", 400},
        {"encoded slash", "GET /items/a%2fb HTTP/1.1\r\n" + host + "\r\n", 400},
        {"broken escape", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
        {"foreign authority", "GET http://elsewhere/hello HTTP/1.1\r\n" + host + "\r\n", 400},
        {"no path", "GET hello HTTP/1.1\r\n" + host + "\r\n", 400},
        {"unknown expectation", post + "Expect: tea\r\nContent-Length: 1\r\n\r\nx", 417},
        {"announced too large", post + "Content-Length: 100001\r\n\r\n", 413},
        {"chunks too large", post + "Transfer-Encoding: chunked\r\n\r\n1000000\r\n", 413},
        {"no chunk size", post + "Transfer-Encoding: chunked\r\n\r\n\r\n\r\n", 400},
        {"chunk size with sign", post + "Transfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n", 400},
        {"chunk with bare LF", post + "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", 400},
        {"chunk longer than said", post + "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", 400},
        {"body cut short", post + "Content-Length: 1000\r\n\r\nabc", 400},
        {"upload without length", "PUT /count HTTP/1.1\r\n" + host + "\r\n", 411},
    };
    Daemon daemon;
    for (const auto& [what, bytes, expected] : cases) {
        CAPTURE(what);
        const auto answer = daemon.ask(bytes + "GET /hello HTTP/1.1\r\n" + host + "\r\n");
        CHECK(status(answer) == expected);
        CHECK(answer.find("application/problem+json") != std::string::npos);
        if (expected != 411) {
            CHECK(answer.find("Connection: close\r\n") != std::string::npos);
            CHECK(answer.find("HTTP/1.1 200") == std::string::npos); // what followed was not taken for a request
        }
        REQUIRE(status(daemon.ask("GET /hello HTTP/1.1\r\n" + host + "\r\n")) == 200);
    }
    CHECK(cases.size() >= 40);
}
