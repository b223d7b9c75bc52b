// Requests and answers over real sockets.
#include "unit/http/server_fixture.hpp"

#include "base/encoding.hpp"
#include "http/file_reading.hpp"

using namespace millrace;
using namespace millrace::http;
using namespace millrace::http::test;

TEST_CASE("an answer carries its length, the date, the request's id and the security headers") {
    Daemon daemon;
    Client client{daemon.server->port()};
    client.send("GET /hello HTTP/1.1\r\n" + host + "X-Request-Id: abc-1\r\n\r\n");
    const auto answer = client.answer();
    CHECK(status(answer) == 200);
    CHECK(body_of(answer) == "hello");
    for (const char* field :
         {"Content-Length: 5\r\n", "X-Request-Id: abc-1\r\n", "X-Content-Type-Options: nosniff\r\n",
          "Referrer-Policy: no-referrer\r\n", "Cross-Origin-Opener-Policy: same-origin\r\n",
          "Cross-Origin-Resource-Policy: same-origin\r\n", "Cache-Control: no-store\r\n", " GMT\r\n"})
        CHECK_MESSAGE(answer.find(field) != std::string::npos, field);
    client.send("GET /hello HTTP/1.1\r\n" + host + "X-Request-Id: not sane\r\n\r\n");
    CHECK(client.answer().find("not sane") == std::string::npos);
    CHECK(eventually([&] { return daemon.exchanges == 2; }));
}

TEST_CASE("a connection is kept, and pipelined requests are answered in order") {
    Daemon daemon;
    Client client{daemon.server->port()};
    std::string bytes;
    for (int i = 0; i < 50; ++i)
        bytes += "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\n" + std::to_string(10 + i) +
                 "GET /hello HTTP/1.1\r\n" + host + "\r\n";
    client.send(bytes);
    for (int i = 0; i < 50; ++i) {
        REQUIRE(body_of(client.answer()) == std::to_string(10 + i));
        REQUIRE(body_of(client.answer()) == "hello");
    }
}

TEST_CASE("a request is understood when its bytes come one at a time") {
    Daemon daemon;
    Client client{daemon.server->port()};
    for (const char c :
         "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
        client.send({&c, 1});
    CHECK(body_of(client.answer()) == "abcde");
    client.send("GET /hello HTTP/1.1\r\n" + host + "\r\n");
    CHECK(body_of(client.answer()) == "hello");
}

TEST_CASE("a refused request shows nothing of the one before it") {
    Daemon daemon;
    Client client{daemon.server->port()};
    client.send("GET /hello HTTP/1.1\r\n" + host + "Secret: of-the-first\r\n\r\n");
    CHECK(status(client.answer()) == 200);
    CHECK(eventually([&] { return daemon.last.lock()->find("of-the-first") != std::string::npos; }));
    client.send("GET /" + std::string(6000, 'a'));
    CHECK(status(client.receive_all()) == 414);
    CHECK(eventually([&] { return *daemon.last.lock() == "414 "; }));
}

TEST_CASE("unknown paths, wrong methods, HEAD and OPTIONS are answered") {
    Daemon daemon;
    const auto ask = [&](const std::string& line) { return daemon.ask(line + " HTTP/1.1\r\n" + host + "\r\n"); };
    CHECK(status(ask("GET /nowhere")) == 404);
    for (const auto* verb : {"DELETE", "TRACE"}) {
        const auto wrong = ask(std::string{verb} + " /hello");
        CHECK(status(wrong) == 405);
        CHECK(wrong.find("Allow: GET, HEAD, OPTIONS\r\n") != std::string::npos);
    }
    const auto head = ask("HEAD /hello");
    CHECK(status(head) == 200);
    CHECK(head.find("Content-Length: 5\r\n") != std::string::npos);
    CHECK(body_of(head).empty());
    const auto options = ask("OPTIONS /echo");
    CHECK(status(options) == 204);
    CHECK(options.find("Allow: POST, OPTIONS\r\n") != std::string::npos);
    CHECK(options.find("Content-Length") == std::string::npos);
    CHECK(status(ask("OPTIONS *")) == 204);
    CHECK(status(daemon.ask("GET http://localhost/hello HTTP/1.1\r\n" + host + "\r\n")) == 200);
    const auto item = ask("GET /items/a%20b");
    CHECK(body_of(item) == "a b");
    CHECK(item.find("\r\nSet-Cookie") == std::string::npos);
}

TEST_CASE("100 Continue is sent only once the gate has let the request in") {
    Daemon daemon;
    const std::string waiting = "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    Client refused{daemon.server->port()};
    refused.send("POST /private HTTP/1.1\r\n" + host + waiting);
    const auto no = refused.receive_all();
    CHECK(status(no) == 401);
    CHECK(no.find("100 Continue") == std::string::npos);
    CHECK(no.find("Connection: close") != std::string::npos);
    CHECK(no.find("WWW-Authenticate: Bearer") != std::string::npos);

    Client large{daemon.server->port()};
    large.send("POST /private HTTP/1.1\r\n" + host +
               "Authorization: Bearer key\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
    CHECK(status(large.receive_all()) == 413);

    Client accepted{daemon.server->port()};
    accepted.send("POST /private HTTP/1.1\r\n" + host + "Authorization: Bearer key\r\n" + waiting);
    CHECK(accepted.answer() == "HTTP/1.1 100 Continue\r\n\r\n");
    accepted.send("abc");
    CHECK(body_of(accepted.answer()) == "tester");
    accepted.send("GET /hello HTTP/1.1\r\n" + host + "\r\n");
    CHECK(body_of(accepted.answer()) == "hello");
}

TEST_CASE("large bodies are streamed, and what is not read does not spoil the next request") {
    Daemon daemon;
    const std::string large(3'000'000, 'x');
    Client client{daemon.server->port()};
    client.send("PUT /count HTTP/1.1\r\n" + host + "Content-Length: 3000000\r\n\r\n" + large);
    CHECK(body_of(client.answer()) == "3000000");
    client.send("PUT /count HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 10; ++i) client.send("2BF20\r\n" + large.substr(0, 180'000) + "\r\n");
    client.send("0\r\n\r\n");
    CHECK(body_of(client.answer()) == "1800000");
    client.send("GET /hello HTTP/1.1\r\n" + host + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'G'));
    CHECK(body_of(client.answer()) == "hello");
    client.send("POST /private HTTP/1.1\r\n" + host + "Content-Length: 50\r\n\r\n" + std::string(50, 'G'));
    CHECK(status(client.answer()) == 401);
    const std::string form = "--b\r\nContent-Disposition: form-data; name=job\r\n\r\n{}\r\n--b\r\nContent-Disposition: "
                             "form-data; name=\"image\"\r\n\r\n1234567\r\n--b--\r\n";
    client.send("POST /form HTTP/1.1\r\n" + host + "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: " +
                std::to_string(form.size()) + "\r\n\r\n" + form);
    CHECK(body_of(client.answer()) == "job;image;");
    // Far more than is worth skipping: answered, then closed, and the answer arrives although the body was not read.
    client.send("GET /hello HTTP/1.1\r\n" + host + "Content-Length: 3000000\r\n\r\n" + large.substr(0, 500'000));
    const auto last = client.receive_until([](const std::string& held) { return held.ends_with("hello"); });
    CHECK(status(last) == 200);
    CHECK(last.find("Connection: close") != std::string::npos);
}

TEST_CASE("a packed body is refused where nobody unpacks it, and the connection goes on") {
    Daemon daemon;
    const auto post = [&](const std::string& coding) {
        return daemon.ask("POST /echo HTTP/1.1\r\n" + host + "Content-Encoding: " + coding +
                          "\r\nContent-Length: 1\r\n\r\nxGET /hello HTTP/1.1\r\n" + host + "\r\n");
    };
    for (const char* coding : {"gzip", "br", "gzip, gzip"}) {
        const auto answer = post(coding);
        CHECK(status(answer) == 415);
        CHECK(answer.find("Accept-Encoding: identity\r\n") != std::string::npos);
        CHECK(answer.find("HTTP/1.1 200") != std::string::npos);
    }
    CHECK(status(post("identity")) == 200);
}

TEST_CASE("files and streams are sent whole, and a failure is never mistaken for the end") {
    Daemon daemon;
    std::string content(1'500'000, ' ');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 26);
    std::ofstream{daemon.folder / "file"} << content;
    Client client{daemon.server->port()};
    client.send("GET /file HTTP/1.1\r\n" + host + "\r\n");
    CHECK(body_of(client.answer()) == content.substr(1));
    client.send("HEAD /file HTTP/1.1\r\n" + host + "\r\n");
    const auto head = client.receive_until([](const std::string& held) { return held.ends_with("\r\n\r\n"); });
    CHECK(head.find("Content-Length: 1499999\r\n") != std::string::npos);
    client.send("GET /stream HTTP/1.1\r\n" + host + "\r\n");
    const auto stream = client.receive_until([](const std::string& held) { return held.ends_with("0\r\n\r\n"); });
    CHECK(stream.find("Transfer-Encoding: chunked") != std::string::npos);
    CHECK(body_of(stream) == "8\r\npiece 0\n\r\n8\r\npiece 1\n\r\n8\r\npiece 2\n\r\n0\r\n\r\n");
    client.send("GET /short-file HTTP/1.1\r\n" + host + "\r\n");
    CHECK(body_of(client.receive_all()).size() < 100'000'000);
    CHECK(body_of(daemon.ask("GET /stream HTTP/1.0\r\n\r\n")) == "piece 0\npiece 1\npiece 2\n");
    std::filesystem::resize_file(daemon.folder / "file", 0);
    CHECK(status(daemon.ask("GET /short-file HTTP/1.1\r\n" + host + "\r\n")) == 500);
}

TEST_CASE("a connection speaks another protocol when a request asks for it, until one side ends it") {
    Daemon daemon;
    const std::string ask = "GET /shout HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: shout\r\n";
    Client client{daemon.server->port()};
    client.send(ask + "\r\nwith the request, ");
    auto said = client.receive_until([](const std::string& held) { return held.ends_with("WITH THE REQUEST, "); });
    CHECK(said.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    CHECK(said.find("\r\nConnection: Upgrade\r\nUpgrade: shout\r\n") != std::string::npos);
    CHECK(said.find("Content-Length") == std::string::npos);
    client.send("and after it");
    said = client.receive_until([](const std::string& held) { return held.ends_with("AND AFTER IT"); });
    client.send("!");
    CHECK(client.receive_all() == "bye");
    // Whoever cannot change gets an answer in HTTP.
    CHECK(status(daemon.ask("GET /shout HTTP/1.1\r\n" + host + "\r\n")) == 426);
    CHECK(status(daemon.ask("GET /shout HTTP/1.0\r\nUpgrade: shout\r\n\r\n")) == 400);
    CHECK(status(daemon.ask(ask + "Content-Length: 3\r\n\r\nabc")) == 400);
}

TEST_CASE("the answer with a damaged file does not end well, whatever its size") {
    for (const std::size_t size :
         {std::size_t{1000}, std::size_t{900'000}, std::size_t{1'500'000}, std::size_t{17} << 20}) {
        CAPTURE(size);
        Daemon daemon;
        std::string content(size, 'x');
        std::ofstream{daemon.folder / "file"} << content;
        daemon.file_sha256 = hex(sha256(content));
        const auto ask = [&](const std::string& fields) {
            return daemon.ask("GET /checked-file HTTP/1.1\r\n" + host + "Connection: close\r\n" + fields + "\r\n");
        };
        CHECK(body_of(ask("")) == content);
        CHECK(body_of(ask("Range: bytes=5-14\r\n")) == content.substr(5, 10));
        CHECK(*daemon.verdicts.lock() == (size <= FileReading::part_checked_first ? "ss" : "s"));
        content[size - 7] = 'y';
        std::ofstream{daemon.folder / "file"} << content;
        const auto answer = ask("");
        if (size <= FileReading::checked_first) CHECK(status(answer) == 500);
        else CHECK(body_of(answer).size() < size);
        CHECK(daemon.verdicts.lock()->back() == 'd');
        CHECK(status(ask("Range: bytes=5-14\r\n")) == (size <= FileReading::part_checked_first ? 500 : 200));
    }
}

TEST_CASE("a handler that throws is a 500 that tells nothing") {
    Daemon daemon;
    Client client{daemon.server->port()};
    client.send("GET /throws HTTP/1.1\r\n" + host + "\r\n");
    const auto answer = client.answer();
    CHECK(status(answer) == 500);
    CHECK(answer.find("secret") == std::string::npos);
    client.send("GET /hello HTTP/1.1\r\n" + host + "\r\n");
    CHECK(status(client.answer()) == 200);
}

TEST_CASE("the unix socket knows its peer, has mode 0660, replaces a stale one and respects a live one") {
    Daemon daemon;
    const auto path = daemon.folder / "admin.sock";
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0660);
    Client client{path};
    REQUIRE(client.connected());
    client.send("GET /whoami HTTP/1.1\r\n" + host + "\r\n");
    CHECK(body_of(client.answer()) == "unix " + std::to_string(::getuid()));
    CHECK(body_of(daemon.ask("GET /whoami HTTP/1.1\r\n" + host + "\r\n")) == "127.0.0.1 99999");

    ServerOptions options;
    options.host.clear();
    options.socket = path;
    CHECK_FALSE(
        Server(options, daemon.router, {}, daemon.io, daemon.files, daemon.log, daemon.metrics).listen().has_value());
    CHECK(std::filesystem::exists(path));
    const auto stale = daemon.folder / "stale.sock";
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, stale.c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(left, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::close(left);
    options.socket = stale;
    Server second{options, daemon.router, {}, daemon.io, daemon.files, daemon.log, daemon.metrics};
    CHECK(second.listen().has_value());
    CHECK(Client{stale}.connected());
}

TEST_CASE("a last look is taken at every refusal, whoever made it") {
    Daemon daemon;
    const auto refused = [&](const std::string& request) {
        const auto answer = daemon.ask(request);
        const auto at = answer.find("X-Refused: ");
        return at == std::string::npos ? "not seen: " + answer
                                       : answer.substr(at + 11, answer.find("\r\n", at) - at - 11);
    };
    CHECK(refused("GET /nowhere HTTP/1.1\r\n" + host + "\r\n") == "at /nowhere");                        // 404
    CHECK(refused("DELETE /hello HTTP/1.1\r\n" + host + "\r\n") == "at /hello");                         // 405
    CHECK(refused("POST /private HTTP/1.1\r\n" + host + "Content-Length: 1\r\n\r\nx") == "at /private"); // 401
    CHECK(refused("POST /echo HTTP/1.1\r\n" + host + "Content-Length: 100001\r\n\r\n") == "at /echo");   // 413
    CHECK(refused("GET /throws HTTP/1.1\r\n" + host + "\r\n") == "at /throws");                          // 500
    CHECK(refused("GET /hello?% HTTP/1.1\r\n" + host + "\r\n") == "at /hello");                          // 400
    CHECK(refused("nonsense\r\n\r\n") == "at ");
    CHECK(daemon.ask("GET /hello HTTP/1.1\r\n" + host + "\r\n").find("X-Refused") == std::string::npos);
}
