#include "http/answer_packing.hpp"

#include "http/content_coding.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::http;

namespace {

struct World {
    async::ThreadPool pool{"files", 1, 8};
    Request request;

    World() { request.method = Verb::get; }
    Response packed(Response response, std::string_view accept) {
        request.headers.add("Accept-Encoding", accept);
        asio::io_context io;
        asio::co_spawn(io, pack_answer(request, response, pool), asio::detached);
        io.run();
        return response;
    }
};

Response list(std::size_t size) { return json_text(200, "[\"" + std::string(size, 'x') + "\"]"); }

std::string body_of(const Response& response) { return std::get<std::string>(response.body); }

} // namespace

TEST_CASE("JSON that answers a read is packed from a kilobyte on, and nothing else is") {
    Request read;
    read.method = Verb::get;
    CHECK(may_be_packed(read, list(2000)));
    CHECK_FALSE(may_be_packed(read, list(500)));
    CHECK_FALSE(may_be_packed(read, text(200, "text/plain", std::string(2000, 'x'))));
    CHECK_FALSE(may_be_packed(read, text(200, "image/png", std::string(2000, 'x'))));
    CHECK_FALSE(may_be_packed(read, json_text(404, std::string(2000, 'x'))));
    CHECK_FALSE(may_be_packed(read, list(2000).set("Content-Encoding", "gzip")));
    Response stream;
    stream.set("Content-Type", "application/json");
    stream.body = StreamBody{};
    CHECK_FALSE(may_be_packed(read, stream));
    Request write;
    write.method = Verb::post; // its answer may hold a secret
    CHECK_FALSE(may_be_packed(write, list(2000)));
}

TEST_CASE("who accepts gzip gets it, the bytes of a large one packed elsewhere") {
    for (const std::size_t size : {2000u, 100'000u}) {
        World world;
        const auto answer = world.packed(list(size).set("ETag", "\"1\""), "br;q=1, gzip");
        CHECK(*answer.find("Content-Encoding") == "gzip");
        CHECK(*answer.find("Vary") == "Accept-Encoding");
        CHECK(*answer.find("ETag") == "W/\"1\"");
        CHECK(body_of(answer) == pack(body_of(list(size)), Coding::gzip));
        CHECK(body_of(answer).size() < size / 10);
    }
}

TEST_CASE("who does not gets the same bytes as ever, and caches are told that others may not") {
    for (const auto* accept : {"", "identity", "br", "gzip;q=0", "deflate"}) {
        World world;
        const auto answer = world.packed(list(2000).set("ETag", "\"1\""), accept);
        CHECK(answer.find("Content-Encoding") == nullptr);
        CHECK(*answer.find("Vary") == "Accept-Encoding");
        CHECK(*answer.find("ETag") == "\"1\"");
        CHECK(body_of(answer) == body_of(list(2000)));
    }
}

TEST_CASE("when the pool is closed a large answer goes as it is") {
    World world;
    world.pool.close();
    const auto answer = world.packed(list(100'000), "gzip");
    CHECK(answer.find("Content-Encoding") == nullptr);
    CHECK(body_of(answer) == body_of(list(100'000)));
}
