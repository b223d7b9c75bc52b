// Clients that go away while their request is worked on, and what becomes of the work and of bytes that came meanwhile.
#include "unit/http/server_fixture.hpp"

#include <boost/asio/as_tuple.hpp>

using namespace millrace;
using namespace millrace::http;
using namespace millrace::http::test;

namespace {

struct Waiting : Daemon {
    explicit Waiting(Limits limits = {}) : Daemon{limits} {}
    ~Waiting() { server.reset(); }

    // The request, once its handler waits.
    void begin(Client& client, const std::string& request) {
        client.send(request);
        REQUIRE(eventually([&] { return waits == 1; }));
    }
    bool nobody_waits() {
        return eventually([&] { return waits == 0; });
    }
};

std::string ask_for(std::string_view path, std::string_view more = {}) {
    return fmt::format("GET {} HTTP/1.1\r\n{}{}\r\n", path, host, more);
}

} // namespace

TEST_CASE("what waits for a client ends when the client goes away") {
    Waiting daemon;
    SUBCASE("in order") {
        Client client{daemon.server->port()};
        daemon.begin(client, ask_for("/wait"));
    }
    SUBCASE("with a reset") {
        Client client{daemon.server->port()};
        daemon.begin(client, ask_for("/wait"));
        client.reset();
    }
    SUBCASE("over the unix socket") {
        Client client{daemon.folder / "admin.sock"};
        daemon.begin(client, ask_for("/wait"));
    }
    SUBCASE("after a body") {
        Client client{daemon.server->port()};
        daemon.begin(client, "POST /wait HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc");
    }
    SUBCASE("after a streamed body in chunks") {
        Client client{daemon.server->port()};
        daemon.begin(client,
                     "PUT /wait HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    }
    SUBCASE("after other requests on its connection") {
        Client client{daemon.server->port()};
        for (int i = 0; i < 3; ++i) {
            client.send(ask_for("/hello"));
            CHECK(body_of(client.answer()) == "hello");
        }
        daemon.begin(client, ask_for("/wait"));
    }
    SUBCASE("with a further request already sent") {
        Client client{daemon.server->port()};
        daemon.begin(client, ask_for("/wait") + "GET /hel");
    }
    CHECK(daemon.nobody_waits());
    CHECK(eventually([&] { return daemon.server->connections() == 0; }));
}

TEST_CASE("a client that only ends its sending side waits no longer, and is answered") {
    Waiting daemon;
    Client client{daemon.server->port()};
    daemon.begin(client, ask_for("/wait"));
    client.no_more();
    CHECK(body_of(client.receive_all()) == "cut short");
}

TEST_CASE("whoever has gone before the wait begins is not waited for") {
    Waiting daemon;
    Client client{daemon.server->port()};
    SUBCASE("while something is done before it") { client.send(ask_for("/work-and-wait")); }
    SUBCASE("before the request, which was sent ahead, was begun") {
        client.send(ask_for("/slow") + ask_for("/hello") + ask_for("/wait"));
    }
    client.no_more();
    CHECK(client.receive_all().ends_with("cut short"));
}

TEST_CASE("a body that was to follow and does not come any more is not waited for") {
    Waiting daemon;
    Client client{daemon.server->port()};
    client.send(ask_for("/slow") + "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 50\r\n\r\nto be continued");
    client.no_more();
    const auto all = client.receive_all();
    CHECK(all.find("HTTP/1.1 400") != std::string::npos); // not 408, ten seconds later
    CHECK(eventually([&] { return daemon.server->connections() == 0; }));
}

TEST_CASE("requests that are sent while one is worked on are answered after it, in whatever pieces they come") {
    Waiting daemon;
    Client client{daemon.server->port()};
    client.send(ask_for("/slow"));
    const auto more = ask_for("/hello") + "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nagain" +
                      ask_for("/items/7") + "GET /items/8 HTTP/1.1\r\nHo";
    SUBCASE("at once") { client.send(more); }
    SUBCASE("byte by byte") {
        for (const char byte : more) {
            client.send({&byte, 1});
            std::this_thread::sleep_for(100us);
        }
    }
    for (const char* body : {"slow", "hello", "again", "7"}) CHECK(body_of(client.answer()) == body);
    client.send("st: localhost\r\n\r\n");
    CHECK(body_of(client.answer()) == "8");
    client.send(ask_for("/items/9"));
    CHECK(body_of(client.answer()) == "9");
}

TEST_CASE("more than a buffer of requests sent ahead is answered in order") {
    Waiting daemon;
    Client client{daemon.server->port()};
    std::string many = ask_for("/slow");
    for (int i = 0; i < 2000; ++i) many += ask_for("/items/" + std::to_string(i));
    client.send(many);
    CHECK(body_of(client.answer()) == "slow");
    int right = 0;
    for (int i = 0; i < 2000; ++i) right += body_of(client.answer()) == std::to_string(i);
    CHECK(right == 2000);
}

TEST_CASE("what an answer hands over is taken back when its client is gone, and kept when it is there") {
    Waiting daemon;
    SUBCASE("there") {
        Client client{daemon.server->port()};
        client.send(ask_for("/hand-over"));
        CHECK(body_of(client.answer()) == "yours");
        CHECK(eventually([&] { return daemon.exchanges == 1; }));
        CHECK(daemon.taken_back == 0);
    }
    SUBCASE("gone while it was made") {
        {
            Client client{daemon.server->port()};
            client.send(ask_for("/hand-over"));
        }
        CHECK(eventually([&] { return daemon.taken_back == 1; }));
        CHECK(daemon.last.lock()->starts_with("0 ")); // no answer began
    }
    SUBCASE("gone in the middle of a large one") {
        {
            Client client{daemon.server->port()};
            client.send(ask_for("/hand-over?much=1"));
            client.receive_until([](const std::string& held) { return held.size() > 1000; });
            client.reset();
        }
        CHECK(eventually([&] { return daemon.taken_back == 1; }));
    }
}

TEST_CASE("a daemon that stops does not wait for those that wait") {
    Waiting daemon;
    Client client{daemon.server->port()};
    daemon.begin(client, ask_for("/wait"));
    CHECK_FALSE(daemon.server->drain(50ms));
    CHECK(daemon.waits == 0);
}
