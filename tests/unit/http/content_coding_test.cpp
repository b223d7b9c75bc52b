#include "http/content_coding.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

using namespace millrace;
using namespace millrace::http;

namespace {

// A body that comes in pieces of at most `piece` bytes.
class Pieces final : public BodyReader {
public:
    Pieces(std::string bytes, std::size_t piece) : bytes_{std::move(bytes)}, piece_{piece} {}
    awaitable<Result<std::size_t>> read(std::span<std::byte> into) override {
        const auto n = std::min({into.size(), piece_, bytes_.size() - at_});
        std::memcpy(into.data(), bytes_.data() + at_, n);
        at_ += n;
        co_return n;
    }
    std::optional<std::uint64_t> length() const override { return bytes_.size(); }
    bool finished() const { return at_ == bytes_.size(); }

private:
    std::string bytes_;
    std::size_t piece_, at_ = 0;
};

Result<std::string> unpacked(const std::string& packed, Coding coding, std::uint64_t max = 1 << 20,
                             std::size_t piece = 7, std::size_t room = 1000) {
    Pieces body{packed, piece};
    UnpackingReader reader{body, coding, max};
    Result<std::string> out{std::string{}};
    asio::io_context context;
    auto read = [&]() -> awaitable<void> {
        std::vector<std::byte> into(room);
        for (;;) {
            auto got = co_await reader.read(into);
            if (!got) out = got.error();
            if (!got || *got == 0) co_return;
            out->append(reinterpret_cast<const char*>(into.data()), *got);
        }
    };
    asio::co_spawn(context, read, asio::detached);
    context.run();
    if (out) CHECK(body.finished());
    return out;
}

std::string text(std::size_t size) {
    std::string out;
    for (std::uint32_t x = 1; out.size() < size; x = x * 1664525 + 1013904223)
        out += static_cast<char>('a' + (x >> 28));
    return out;
}

} // namespace

TEST_CASE("what was packed is unpacked, in whatever pieces it comes and is read") {
    for (const auto coding : {Coding::gzip, Coding::deflate})
        for (const std::size_t size : {0, 1, 5000, 300'000})
            for (const std::size_t piece : {1, 7, 100'000})
                for (const std::size_t room : {1, 1000, 1'000'000}) {
                    if (size * 1000 / piece / room > 1'000'000) continue;
                    const auto plain = text(size);
                    const auto got = unpacked(pack(plain, coding), coding, 1 << 20, piece, room);
                    REQUIRE(got.has_value());
                    CHECK(*got == plain);
                }
}

TEST_CASE("gzip files one after the other are one body; something else behind one is refused") {
    const auto one = pack("one ", Coding::gzip), two = pack("two", Coding::gzip);
    CHECK(unpacked(one + two, Coding::gzip).value() == "one two");
    CHECK(unpacked(one + "x", Coding::gzip).error().code == Code::invalid_argument);
    const auto zlib = pack("one", Coding::deflate);
    CHECK(unpacked(zlib + zlib, Coding::deflate).error().code == Code::invalid_argument);
}

TEST_CASE("a packed body that is cut off, changed or of the other coding is refused") {
    for (const auto coding : {Coding::gzip, Coding::deflate}) {
        const auto packed = pack(text(1000), coding);
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, packed.size() / 2, packed.size() - 1})
            CHECK(unpacked(packed.substr(0, n), coding).error().code == Code::invalid_argument);
        auto changed = packed;
        changed[changed.size() - 2] ^= 1; // in the checksum
        CHECK(unpacked(changed, coding).error().code == Code::invalid_argument);
        CHECK(unpacked("plain text", coding).error().code == Code::invalid_argument);
        CHECK(unpacked(packed, coding == Coding::gzip ? Coding::deflate : Coding::gzip).error().code ==
              Code::invalid_argument);
    }
}

TEST_CASE("a body may unpack to the limit and no further") {
    const auto packed = pack(text(5000), Coding::gzip);
    CHECK(unpacked(packed, Coding::gzip, 5000).has_value());
    CHECK(unpacked(packed, Coding::gzip, 4999).error().code == Code::too_large);
}

TEST_CASE("a body that grows a hundredfold is refused once it is large") {
    const std::uint64_t plenty = 1 << 30;
    CHECK(unpacked(pack(std::string(4 << 20, '\0'), Coding::gzip), Coding::gzip, plenty, 100'000, 100'000).has_value());
    const auto bomb = unpacked(pack(std::string(32 << 20, '\0'), Coding::gzip), Coding::gzip, plenty, 100'000, 100'000);
    CHECK(bomb.error().code == Code::too_large);
}

TEST_CASE("the coding of a body is one that is known") {
    CHECK(content_coding("").value() == Coding::identity);
    CHECK(content_coding(" identity ").value() == Coding::identity);
    CHECK(content_coding("GZIP").value() == Coding::gzip);
    CHECK(content_coding("deflate").value() == Coding::deflate);
    CHECK(content_coding("br").error().code == Code::unsupported_type);
    CHECK(content_coding("gzip, gzip").error().code == Code::unsupported_type);
}

TEST_CASE("the coding of an answer is the one that is liked best") {
    CHECK(accepted_coding("") == Coding::identity);
    CHECK(accepted_coding("br, zstd") == Coding::identity);
    CHECK(accepted_coding("gzip") == Coding::gzip);
    CHECK(accepted_coding("deflate") == Coding::deflate);
    CHECK(accepted_coding("deflate, gzip") == Coding::gzip);
    CHECK(accepted_coding("gzip;q=0.5, deflate;q=0.8") == Coding::deflate);
    CHECK(accepted_coding("gzip;q=0") == Coding::identity);
    CHECK(accepted_coding("*") == Coding::gzip);
    CHECK(accepted_coding("gzip;q=0, *") == Coding::deflate);
    CHECK(accepted_coding("gzip;q=nonsense") == Coding::identity);
    CHECK(accepted_coding(",;,=,") == Coding::identity);
}
