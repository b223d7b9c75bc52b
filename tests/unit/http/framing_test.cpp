#include "http/framing.hpp"

#include "http/chunks.hpp"
#include "http/target.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace millrace::http;

namespace {

struct Verdict {
    unsigned status = 200; // 0: more is needed
    Framing framing;
    std::string path;
};

// A whole header through every check, as a session does it.
Verdict judge(const std::string& bytes) {
    const Limits limits;
    HeaderScanner scanner{limits};
    const auto found = scanner.scan(bytes);
    if (found.state == HeaderScanner::Result::State::more) return {0, {}, {}};
    if (found.state == HeaderScanner::Result::State::refused) return {found.refusal.status, {}, {}};
    Headers headers;
    Head head;
    head.headers = &headers;
    Verdict verdict;
    Query query;
    auto refusal = parse_head(std::string_view{bytes}.substr(found.begin, found.end - found.begin), head);
    if (!refusal) refusal = check_framing(head, verdict.framing);
    if (!refusal) refusal = parse_target(head.target, headers.find("Host"), limits, verdict.path, query);
    if (refusal) verdict.status = refusal->status;
    return verdict;
}

std::string request(const std::string& fields, const std::string& line = "POST /x HTTP/1.1") {
    return line + "\r\nHost: localhost\r\n" + fields + "\r\n";
}

} // namespace

TEST_CASE("a plain request is accepted and its framing understood") {
    const auto plain = judge(request("Content-Length: 12\r\n"));
    CHECK(plain.status == 200);
    CHECK(plain.framing.body == Framing::Body::length);
    CHECK(plain.framing.length == 12);
    CHECK(plain.framing.keep_alive);
    CHECK(judge(request("Transfer-Encoding: Chunked\r\n")).framing.body == Framing::Body::chunked);
    CHECK_FALSE(judge(request("Connection: TE, Close\r\n")).framing.keep_alive);
    CHECK_FALSE(judge(request("", "GET / HTTP/1.0")).framing.keep_alive);
    CHECK(judge(request("Connection: keep-alive\r\n", "GET / HTTP/1.0")).framing.keep_alive);
    CHECK(judge("\r\n" + request("")).status == 200);
}

TEST_CASE("an ambiguous length is refused") {
    CHECK(judge(request("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")).status == 400);
    CHECK(judge(request("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")).status == 400);
    CHECK(judge(request("Content-Length: 3\r\nContent-Length: 3\r\n")).status == 400);
    CHECK(judge(request("Content-Length: 3, 3\r\n")).status == 400);
    CHECK(judge(request("Content-Length: +3\r\n")).status == 400);
    CHECK(judge(request("Content-Length: -3\r\n")).status == 400);
    CHECK(judge(request("Content-Length: 0x3\r\n")).status == 400);
    CHECK(judge(request("Content-Length: 3 3\r\n")).status == 400);
    CHECK(judge(request("Content-Length:\r\n")).status == 400);
    CHECK(judge(request("Content-Length: 99999999999999999999\r\n")).status == 400);
    CHECK(judge(request("Transfer-Encoding: gzip, chunked\r\n")).status == 501);
    CHECK(judge(request("Transfer-Encoding: identity\r\n")).status == 501);
    CHECK(judge(request("Transfer-Encoding: \x0b"
                        "chunked\r\n"))
              .status == 400);
    CHECK(judge(request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")).status == 400);
    CHECK(judge(request("Transfer-Encoding: chunked\r\n", "POST /x HTTP/1.0")).status == 400);
    CHECK(judge(request("Transfer-Encoding : chunked\r\n")).status == 400);
}

TEST_CASE("a scanner refuses as soon as the bytes can be no request") {
    CHECK(judge("\x16\x03\x01\x02").status == 400); // a TLS handshake
    CHECK(judge("GET /\r\n").status == 400);        // HTTP/0.9
    CHECK(judge("GET / HTTP/2.0\r\n").status == 505);
    CHECK(judge("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 505);
    CHECK(judge("GET / HTTP/1.1\n").status == 400);
    CHECK(judge("\r\n\r\n").status == 400);
    CHECK(judge("GET / HTTP/1.1\r\nHo").status == 0);
    CHECK(judge("GET /" + std::string(5000, 'a')).status == 414);
    CHECK(judge("GET / HTTP/1.1\r\nA: " + std::string(17000, 'a')).status == 431);
}

TEST_CASE("a header is found at the same place however its bytes arrive") {
    const auto bytes = "\r\n" + request("A: b\r\n") + "rest";
    const Limits limits;
    HeaderScanner scanner{limits};
    for (std::size_t n = 1; n <= bytes.size(); ++n) {
        const auto found = scanner.scan(std::string_view{bytes}.substr(0, n));
        if (n < bytes.size() - 4) {
            REQUIRE(found.state == HeaderScanner::Result::State::more);
        } else {
            REQUIRE(found.state == HeaderScanner::Result::State::complete);
            CHECK(found.begin == 2);
            CHECK(found.end == bytes.size() - 4);
            break;
        }
    }
}

TEST_CASE("host fields are checked") {
    for (const char* good : {"localhost", "localhost:7878", "10.0.0.1:80", "[::1]:7878", "a-b.example"})
        CHECK_MESSAGE(valid_host(good), good);
    for (const char* bad : {"", "a b", "a/b", "user@host", "a,b", "host:port", "host:123456", "[::1", "[zz]", ":80"})
        CHECK_FALSE_MESSAGE(valid_host(bad), bad);
}

TEST_CASE("targets are decoded, and those that climb or hide are refused") {
    const Limits limits;
    std::string path;
    Query query;
    REQUIRE_FALSE(parse_target("/a%20b/%C3%A9?x=1+2&y=%26&z", "h", limits, path, query));
    CHECK(path == "/a b/é");
    CHECK(query.find("x") == "1 2");
    CHECK(query.find("y") == "&");
    CHECK(query.find("z") == "");
    CHECK_FALSE(query.find("w").has_value());
    REQUIRE_FALSE(parse_target("http://H:1/p", "h:1", limits, path, query));
    CHECK(path == "/p");
    for (const char* root : {"http://h", "http://h/", "HTTP://H"}) {
        REQUIRE_FALSE(parse_target(root, "h", limits, path, query));
        CHECK(path == "/");
    }
    Query asked;
    REQUIRE_FALSE(parse_target("http://h?a=b", "h", limits, path, asked));
    CHECK(path == "/");
    CHECK(asked.find("a") == "b");
    for (const char* bad :
         {"/../etc", "/a/..",   "/a/%2e%2e/b", "/.%2E/",   "/a/./b",         "/%00",         "/%0a",
          "/%",      "/%4",     "/%zz",        "/a%2fb",   "/a%5Cb",         "/a\\b",        "/%ff",
          "/%c0%ae", "/a#b",    "a",           "ftp://h/", "http://other/p", "http://other", "http://hh",
          "http://", "/p?q=%0", "/p?q=%00",    "/p?%ff=1"}) {
        auto refusal = parse_target(bad, "h", limits, path, query);
        REQUIRE_MESSAGE(refusal, bad);
        CHECK(refusal->status == 400);
    }
    CHECK(parse_target("/" + std::string(4096, 'a'), "h", limits, path, query)->status == 414);
}

namespace {

// The decoded body, or nullopt when the decoder failed; cut into pieces of `step` bytes.
std::optional<std::string> decode(std::string_view bytes, std::size_t step, bool* done = nullptr) {
    ChunkDecoder decoder;
    std::string out, held;
    for (std::size_t at = 0; at < bytes.size() && !decoder.done(); at += step) {
        held += bytes.substr(at, step);
        for (;;) {
            held.erase(0, decoder.skip_framing(held));
            if (decoder.failed()) return std::nullopt;
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(decoder.data_due(), held.size()));
            if (n == 0) break;
            out += held.substr(0, n);
            held.erase(0, n);
            decoder.take_data(n);
        }
    }
    if (done) *done = decoder.done();
    return out;
}

} // namespace

TEST_CASE("chunks are put together however they arrive") {
    const std::string body = "5\r\nhello\r\n1;name=\"x\"\r\n \r\n00A\r\n0123456789\r\n0\r\nTrailer: dropped\r\n\r\n";
    for (std::size_t step : {1u, 2u, 3u, 7u, 1000u}) {
        bool done = false;
        CHECK(decode(body, step, &done) == "hello 0123456789");
        CHECK(done);
    }
}

TEST_CASE("malformed chunks are refused") {
    for (std::string bad : {"5\nhello\r\n", "5\r\nhelloX\r\n", "g\r\n", "\r\n", "-5\r\n", " 5\r\n", "5 \r\n", "0x5\r\n",
                            "1234567890abcdef\r\n", ";\r\n", "5;a\nb\r\n", "0\r\n folded: x\r\n\r\n", "0\r\nA: b\n\r\n",
                            "5\r\nhello\r5\r\n"}) {
        CHECK_FALSE_MESSAGE(decode(bad, 1).has_value(), bad);
        CHECK_FALSE_MESSAGE(decode(bad, 1000).has_value(), bad);
    }
    CHECK_FALSE(decode("5;" + std::string(300, 'a') + "\r\n", 100).has_value());
    CHECK_FALSE(decode("0\r\n" + std::string(5000, 'a') + "\r\n", 100).has_value());
}

TEST_CASE("damaged requests never pass as something with two readings") {
    const std::string seed = "POST /api/v1/jobs?x=%20 HTTP/1.1\r\nHost: localhost:1\r\nContent-Length: "
                             "10\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n";
    const std::string alphabet = "\r\n\t :;,%\\/.0159aZ{}\x01\x7f\xff";
    std::mt19937 random{20250101};
    for (int round = 0; round < 20000; ++round) {
        auto bytes = seed;
        for (int edits = 1 + static_cast<int>(random() % 6); edits > 0; --edits) {
            const auto at = random() % bytes.size();
            switch (random() % 3) {
            case 0: bytes[at] = alphabet[random() % alphabet.size()]; break;
            case 1: bytes.erase(at, 1 + random() % 8); break;
            default: bytes.insert(at, 1, alphabet[random() % alphabet.size()]); break;
            }
            if (bytes.empty()) bytes = seed;
        }
        const auto verdict = judge(bytes);
        if (verdict.status != 200) continue;
        // Accepted: then at most one of the two fields is there under its own name, on a line of its own.
        const bool length = bytes.find("\r\nContent-Length:") != std::string::npos;
        const bool chunked = bytes.find("\r\nTransfer-Encoding:") != std::string::npos;
        REQUIRE_MESSAGE(!(length && chunked && bytes.find("\r\n\r\n") > bytes.find("\r\nTransfer-Encoding:")), bytes);
        REQUIRE(verdict.path.find("..") == std::string::npos);
    }
}
