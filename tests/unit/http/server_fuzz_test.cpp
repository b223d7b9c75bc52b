// Damaged requests over real sockets: whatever comes, each connection ends and the server answers the next one.
#include "http/server.hpp"

#include "http/multipart.hpp"

#include <doctest/doctest.h>

#include <random>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace millrace;
using namespace millrace::http;

namespace {

Route route(Verb verb, const char* pattern, BodyPolicy body, Handler handler) {
    return {verb, pattern, std::move(handler), body, Access::open()};
}

Router make_router() {
    Router router;
    router.add(route(Verb::get, "/hello/{name}", {}, [](Request& request) -> awaitable<Response> {
        co_return text(200, "text/plain", std::string{request.parameter("name")});
    }));
    router.add(route(Verb::post, "/echo", BodyPolicy::buffered(1000),
                     [](Request& request) -> awaitable<Response> { co_return text(200, "text/plain", request.body); }));
    router.add(route(Verb::post, "/form", BodyPolicy::streamed(10'000), [](Request& request) -> awaitable<Response> {
        auto form = MultipartReader::open(request.header("Content-Type"), *request.body_reader);
        if (!form) co_return problem(form.error(), request.id);
        std::string all;
        for (;;) {
            const auto part = co_await form->next();
            if (!part) co_return problem(part.error(), request.id);
            if (!*part) break;
            const auto content = co_await form->text(100);
            if (!content) co_return problem(content.error(), request.id);
            all += (*part)->name + "=" + *content + ";";
        }
        co_return text(200, "text/plain", all);
    }));
    return router;
}

std::string talk(std::uint16_t port, std::string_view bytes, std::size_t piece) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    timeval limit{5, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    while (!bytes.empty() && ::send(fd, bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL) > 0)
        bytes.remove_prefix(std::min(piece, bytes.size()));
    ::shutdown(fd, SHUT_WR);
    std::string all;
    char got[4096];
    ssize_t n = 0;
    while ((n = ::recv(fd, got, sizeof got, 0)) > 0) all.append(got, static_cast<std::size_t>(n));
    const bool waited_in_vain = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    ::close(fd);
    REQUIRE_MESSAGE(!waited_in_vain, "the connection was left open");
    return all;
}

std::string damage(std::string bytes, std::mt19937& random) {
    const std::string alphabet = "\r\n\t :;,%-=/.\"0159aZ{}\x01\x7f\xff";
    for (auto edits = random() % 6; edits > 0; --edits) {
        if (bytes.empty()) return bytes;
        const auto at = random() % bytes.size();
        switch (random() % 4) {
        case 0: bytes[at] = alphabet[random() % alphabet.size()]; break;
        case 1: bytes.erase(at, 1 + random() % 20); break;
        case 2: bytes.insert(at, 1 + random() % 3, alphabet[random() % alphabet.size()]); break;
        default: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 60)); break;
        }
    }
    return bytes;
}

} // namespace

TEST_CASE("damaged requests end their own connection and nothing else") {
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt,
                       ::open("/dev/null", O_WRONLY | O_CLOEXEC)};
    telemetry::Metrics metrics;
    async::IoPool io{"fuzz-io", 2};
    async::ThreadPool files{"fuzz-files", 1, 10};
    const auto router = make_router();
    ServerOptions options;
    options.port = 0;
    Server server{options, router, {}, io, files, log, metrics};
    REQUIRE(server.listen().has_value());

    const std::string host = "Host: localhost\r\n";
    const std::string form =
        "--b\r\nContent-Disposition: form-data; name=\"job\"; filename=\"f\"\r\n\r\n{\"a\":1}\r\n--b--\r\n";
    const std::vector<std::string> seeds{
        "GET /hello/you?x=%20&y HTTP/1.1\r\n" + host + "X-Request-Id: 1\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\n" + host +
            "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n",
        "POST /form HTTP/1.1\r\n" + host + "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: " +
            std::to_string(form.size()) + "\r\n\r\n" + form,
        "POST /echo HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    };
    std::mt19937 random{4711};
    for (int round = 0; round < 1500; ++round) {
        std::string bytes;
        for (auto requests = 1 + random() % 3; requests > 0; --requests)
            bytes += damage(seeds[random() % seeds.size()], random);
        const auto answer = talk(server.port(), bytes, random() % 4 == 0 ? 1 + random() % 10 : bytes.size() + 1);
        REQUIRE_MESSAGE((answer.empty() || answer.rfind("HTTP/1.1 ", 0) == 0), bytes);
        REQUIRE_MESSAGE(answer.find("HTTP/1.1 500") == std::string::npos, bytes);
        if (round % 50 == 0) REQUIRE(talk(server.port(), seeds[1], 100).find("HTTP/1.1 200 OK") == 0);
    }
    CHECK(server.drain(std::chrono::seconds{5}));
}
