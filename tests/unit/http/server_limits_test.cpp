// Deadlines, caps and the way down.
#include "unit/http/server_fixture.hpp"

using namespace millrace;
using namespace millrace::http;
using namespace millrace::http::test;

TEST_CASE("slow headers, slow bodies and idle connections run into their deadlines") {
    Limits limits;
    limits.header_time = 300ms;
    limits.idle_time = 600ms;
    limits.body_grace = 300ms;
    Daemon daemon{limits};
    Client header{daemon.server->port()}, body{daemon.server->port()}, idle{daemon.server->port()};
    header.send("GET /hello HTTP/1.1\r\nHo");
    body.send("POST /echo HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nab");
    CHECK(status(header.receive_all()) == 408);
    CHECK(status(body.receive_all()) == 408);
    CHECK(idle.receive_all().empty());
    CHECK(daemon.server->connections() <= 3);
}

TEST_CASE("past the cap a connection is told so and closed, and a place that becomes free is given again") {
    Limits limits;
    limits.connections_per_address = 2;
    limits.count_loopback = true;
    Daemon daemon{limits};
    {
        Client one{daemon.server->port()}, two{daemon.server->port()};
        for (auto* client : {&one, &two}) {
            client->send("GET /hello HTTP/1.1\r\n" + host + "\r\n");
            CHECK(status(client->answer()) == 200);
        }
        const auto answer = daemon.ask("GET /hello HTTP/1.1\r\n" + host + "\r\n");
        CHECK(status(answer) == 503);
        CHECK(answer.find("Retry-After: ") != std::string::npos);
        Client local{daemon.folder / "admin.sock"}; // not counted there
        local.send("GET /hello HTTP/1.1\r\n" + host + "\r\n");
        CHECK(status(local.answer()) == 200);
    }
    CHECK(eventually([&] { return daemon.server->connections() == 0; }));
    CHECK(status(daemon.ask("GET /hello HTTP/1.1\r\n" + host + "\r\n")) == 200);
    CHECK(daemon.metrics.render().find("millrace_http_connections_refused_total 1") != std::string::npos);
    CHECK(daemon.metrics.render().find("route=\"/hello\"") != std::string::npos);
}

TEST_CASE("uploads from one address are limited, small bodies are not") {
    Limits limits;
    limits.uploads_per_address = 1;
    limits.count_loopback = true;
    Daemon daemon{limits};
    const std::string large = "PUT /count HTTP/1.1\r\n" + host + "Content-Length: 100000\r\n\r\n", bytes(100'000, 'x');
    {
        Client first{daemon.server->port()};
        first.send(large + "begun");
        Client second{daemon.server->port()};
        CHECK(eventually([&] { return status(daemon.ask(large + bytes)) == 429; }));
        second.send("PUT /count HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nsmall");
        CHECK(body_of(second.answer()) == "5");
        first.send(bytes.substr(5));
        CHECK(body_of(first.answer()) == "100000");
    }
    CHECK(status(daemon.ask(large + bytes)) == 200);
}

TEST_CASE("draining refuses new connections, closes idle ones and lets a busy one finish") {
    Daemon daemon;
    Client idle{daemon.server->port()}, busy{daemon.server->port()};
    idle.send("GET /hello HTTP/1.1\r\n" + host + "\r\n");
    idle.answer();
    busy.send("GET /slow HTTP/1.1\r\n" + host + "\r\n");
    std::this_thread::sleep_for(100ms);
    const auto port = daemon.server->port();
    CHECK(daemon.server->drain(5s));
    CHECK(idle.receive_all().empty());
    const auto answer = busy.receive_all();
    CHECK(body_of(answer) == "slow");
    CHECK(answer.find("Connection: close") != std::string::npos);
    CHECK_FALSE(Client{port}.connected());
    CHECK(daemon.server->connections() == 0);
}

TEST_CASE("draining without patience closes what is still busy") {
    Daemon daemon;
    Client busy{daemon.server->port()};
    busy.send("POST /echo HTTP/1.1\r\n" + host + "Content-Length: 100\r\n\r\nabc");
    std::this_thread::sleep_for(100ms);
    CHECK_FALSE(daemon.server->drain(0ms));
    CHECK(daemon.server->connections() == 0);
}

TEST_CASE("behind a trusted proxy each request is its own client's, and that one has a share") {
    Limits limits;
    limits.proxies = {*IpNetwork::parse("127.0.0.1")};
    limits.connections_per_address = 1;
    Daemon daemon{limits};
    const auto ask = [](Client& proxy, std::string_view path, std::string_view client) {
        proxy.send(fmt::format("GET {} HTTP/1.1\r\n{}{}\r\n", path, host,
                               client.empty() ? "" : fmt::format("X-Forwarded-For: {}\r\n", client)));
    };
    Client proxy{daemon.server->port()}, other{daemon.server->port()};
    for (const char* client : {"192.0.2.1", "2001:db8::7", ""}) {
        ask(proxy, "/whoami", client);
        CHECK(body_of(proxy.answer()) == fmt::format("{} 99999", *client ? client : "127.0.0.1"));
    }
    ask(proxy, "/wait", "192.0.2.1");
    REQUIRE(eventually([&] { return daemon.waits == 1; }));
    ask(other, "/hello", "192.0.2.1");
    CHECK(status(other.answer()) == 429);
    ask(other, "/hello", "192.0.2.2");
    CHECK(status(other.answer()) == 200);
    Client local{daemon.folder / "admin.sock"};
    ask(local, "/whoami", "192.0.2.1"); // nobody's word is taken there
    CHECK(body_of(local.answer()).starts_with("unix "));
}
