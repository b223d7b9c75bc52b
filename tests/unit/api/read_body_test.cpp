#include "api/input.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <cstring>

using namespace millrace;
using namespace millrace::api;

namespace {

// Announces a length, gives `content` in pieces and then its end, or breaks off.
class FakeBody final : public http::BodyReader {
public:
    FakeBody(std::optional<std::uint64_t> announced, std::string content, bool ends = true)
        : announced_{announced},
          content_{std::move(content)},
          ends_{ends} {}

    awaitable<Result<std::size_t>> read(std::span<std::byte> into) override {
        most_asked = std::max(most_asked, into.size());
        if (into.size() > std::max<std::size_t>(64 << 10, given_ + 1)) ++asked_too_much;
        const auto n = std::min({into.size(), content_.size() - given_, std::size_t{10'000}});
        if (n == 0 && !ends_) co_return Error{Code::invalid_argument, "the body ended too early"};
        std::memcpy(into.data(), content_.data() + given_, n);
        given_ += n;
        co_return n;
    }
    std::optional<std::uint64_t> length() const override { return announced_; }

    std::size_t most_asked = 0;
    int asked_too_much = 0; // for more at once than had come before

private:
    std::optional<std::uint64_t> announced_;
    std::string content_;
    bool ends_;
    std::size_t given_ = 0;
};

Result<std::string> run(awaitable<Result<std::string>> reading) {
    asio::io_context context;
    auto future = asio::co_spawn(context, std::move(reading), asio::use_future);
    context.run();
    return future.get();
}
Result<std::string> read_all(http::BodyReader& body, std::size_t max) { return run(read_body(body, max)); }

} // namespace

TEST_CASE("an announced length buys no memory: room is made for as much again as has come") {
    FakeBody silent{16 << 20, "", false};
    CHECK_FALSE(read_all(silent, 16 << 20).has_value());
    CHECK(silent.most_asked <= 64 << 10);
    FakeBody stops{16 << 20, std::string(100'000, 'x'), false};
    CHECK_FALSE(read_all(stops, 16 << 20).has_value());
    CHECK(stops.asked_too_much == 0);
    CHECK(stops.most_asked <= 128 << 10);
}

TEST_CASE("a body is read whole, of whatever length and however it was announced") {
    for (const std::size_t size : {0, 1, 65'535, 65'536, 65'537, 1'000'000}) {
        const std::string content(size, 'y');
        for (const bool announced : {false, true}) {
            FakeBody body{announced ? std::optional<std::uint64_t>{size} : std::nullopt, content};
            const auto got = read_all(body, 1'000'000);
            REQUIRE(got.has_value());
            CHECK(*got == content);
            CHECK(body.asked_too_much == 0);
        }
    }
    FakeBody long_one{std::nullopt, std::string(1'000'001, 'z')}, announced{1'000'001, ""};
    CHECK(read_all(long_one, 1'000'000).error().code == Code::too_large);
    CHECK(read_all(announced, 1'000'000).error().code == Code::too_large);
}

TEST_CASE("a part of a body that another field announces buys no memory either") {
    FakeBody silent{16 << 20, "", false};
    CHECK_FALSE(run(read_up_to(silent, 16 << 20)).has_value());
    CHECK(silent.most_asked <= 64 << 10);
    FakeBody long_one{std::nullopt, std::string(300'000, 'x')};
    CHECK(run(read_up_to(long_one, 200'000)).value().size() == 200'000); // and not more
    CHECK(long_one.asked_too_much == 0);
    CHECK(run(read_up_to(long_one, 200'000)).value().size() == 100'000); // it ends before
}
