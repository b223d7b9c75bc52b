#include "http/multipart.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <doctest/doctest.h>

#include <random>

using namespace millrace;
using namespace millrace::http;

namespace {

// A body that comes in pieces of `step` bytes.
class TextBody final : public BodyReader {
public:
    TextBody(std::string text, std::size_t step) : text_{std::move(text)}, step_{step} {}
    awaitable<Result<std::size_t>> read(std::span<std::byte> into) override {
        const auto n = std::min({step_, into.size(), text_.size() - at_});
        std::memcpy(into.data(), text_.data() + at_, n);
        at_ += n;
        co_return n;
    }
    std::optional<std::uint64_t> length() const override { return text_.size(); }

private:
    std::string text_;
    std::size_t step_, at_ = 0;
};

struct Part {
    PartHead head;
    std::string content;
};

Result<std::vector<Part>> parse(const std::string& body, const std::string& type = "multipart/form-data; boundary=b",
                                std::size_t step = 1u << 20) {
    TextBody reader{body, step};
    std::optional<Result<std::vector<Part>>> outcome;
    auto run = [&]() -> awaitable<void> {
        auto opened = MultipartReader::open(type, reader);
        if (!opened) {
            outcome = opened.error();
            co_return;
        }
        std::vector<Part> parts;
        for (;;) {
            auto head = co_await opened->next();
            if (!head) {
                outcome = head.error();
                co_return;
            }
            if (!*head) break;
            auto content = co_await opened->text(1u << 22);
            if (!content) {
                outcome = content.error();
                co_return;
            }
            parts.push_back({**head, *content});
        }
        outcome = std::move(parts);
    };
    boost::asio::io_context context;
    boost::asio::co_spawn(context, run(), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    });
    context.run();
    return *outcome;
}

std::string part(const std::string& disposition, const std::string& content) {
    return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content + "\r\n";
}

} // namespace

TEST_CASE("a form's parts are found however its bytes arrive") {
    const std::string big(200'000, '\r');
    const auto body = "preamble\r\n" + part("name=\"job\"", "{}") +
                      "--b  \r\nContent-Type: image/png\r\nContent-Disposition: form-data; filename=\"C:\\dir\\a "
                      "\\\"b\\\".png\"; name=image\r\n\r\n" +
                      big + "\r\n" + part("name=empty", "") + "--b--\r\nepilogue";
    for (std::size_t step : {1u, 2u, 5u, 1000u, 1u << 20}) {
        const auto parts = parse(body, "multipart/form-data; charset=utf-8; boundary=\"b\"", step);
        REQUIRE(parts.has_value());
        REQUIRE(parts->size() == 3);
        CHECK((*parts)[0].head.name == "job");
        CHECK((*parts)[0].head.content_type == "text/plain");
        CHECK_FALSE((*parts)[0].head.filename);
        CHECK((*parts)[0].content == "{}");
        CHECK((*parts)[1].head.name == "image");
        CHECK((*parts)[1].head.content_type == "image/png");
        CHECK((*parts)[1].head.filename == "a \"b\".png");
        CHECK((*parts)[1].content == big);
        CHECK((*parts)[2].content.empty());
    }
}

TEST_CASE("content that looks like the boundary stays content") {
    const std::string content = "\r\n--\r\n--c\r\n--bb\r\n--b-\r\n--b x\r\n\r\n--B--\r\n-";
    for (std::size_t step : {1u, 3u, 1u << 20}) {
        const auto parts = parse(part("name=x", content) + "--b--", "multipart/form-data; boundary=b", step);
        REQUIRE(parts.has_value());
        REQUIRE(parts->size() == 1);
        CHECK((*parts)[0].content == content);
    }
}

TEST_CASE("malformed forms are refused") {
    const auto code = [](const std::string& body) {
        const auto parts = parse(body, "multipart/form-data; boundary=b", 3);
        return parts ? Code::internal : parts.error().code;
    };
    CHECK(code("") == Code::invalid_argument);
    CHECK(code("--b") == Code::invalid_argument);
    CHECK(code("--b\r\n") == Code::invalid_argument);
    CHECK(code(part("name=x", "cut")) == Code::invalid_argument);
    CHECK(code(part("name=x", "cut") + "--b-") == Code::invalid_argument);
    CHECK(code("--b\r\n\r\nno head\r\n--b--") == Code::invalid_argument);
    CHECK(code("--b\r\nX: y\r\n\r\nno name\r\n--b--") == Code::invalid_argument);
    CHECK(code(part("name=\"open", "x") + "--b--") == Code::invalid_argument);
    CHECK(code(part("name=a; name=b", "x") + "--b--") == Code::invalid_argument);
    CHECK(code(part("name=\"a\x01\"", "x") + "--b--") == Code::invalid_argument);
    CHECK(code(part("name=" + std::string(300, 'n'), "x") + "--b--") == Code::invalid_argument);
    CHECK(code(part("name=a\r\nX: " + std::string(9000, 'n'), "x") + "--b--") == Code::invalid_argument);
    CHECK(code("--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--") == Code::invalid_argument);
    std::string many;
    for (int i = 0; i < 33; ++i) many += part("name=a", "x");
    CHECK(code(many + "--b--") == Code::too_large);
}

TEST_CASE("only multipart/form-data with a proper boundary is opened") {
    const auto code = [](const std::string& type) {
        const auto parts = parse(part("name=x", "y") + "--b--", type);
        return parts ? std::string{"ok"} : std::to_string(static_cast<int>(parts.error().code));
    };
    CHECK(code("Multipart/Form-Data;boundary=b") == "ok");
    CHECK(code("application/json") == std::to_string(static_cast<int>(Code::unsupported_type)));
    const auto malformed = std::to_string(static_cast<int>(Code::invalid_argument));
    for (const char* type :
         {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
          "multipart/form-data; boundary=\"b", "multipart/form-data; boundary=b; boundary=b",
          "multipart/form-data; boundary=\"b \"", "multipart/form-data; boundary=b{"})
        CHECK_MESSAGE(code(type) == malformed, type);
    CHECK(code("multipart/form-data; boundary=" + std::string(71, 'b')) == malformed);
}

TEST_CASE("damaged forms end with an answer, never beyond it") {
    const auto seed =
        part("name=\"job\"; filename=\"f\"", "{\"a\":1}") + part("name=image", std::string(50, '-')) + "--b--\r\n";
    const std::string alphabet = "\r\n-b:;=\"\\ \t\x01";
    std::mt19937 random{7};
    for (int round = 0; round < 3000; ++round) {
        auto bytes = seed;
        for (int edits = 1 + static_cast<int>(random() % 5); edits > 0 && !bytes.empty(); --edits) {
            const auto at = random() % bytes.size();
            if (random() % 2) bytes[at] = alphabet[random() % alphabet.size()];
            else bytes.erase(at, 1 + random() % 10);
        }
        const auto whole = parse(bytes), split = parse(bytes, "multipart/form-data; boundary=b", 1);
        REQUIRE(whole.has_value() == split.has_value());
        if (!whole) continue;
        REQUIRE(whole->size() == split->size());
        for (std::size_t i = 0; i < whole->size(); ++i) REQUIRE((*whole)[i].content == (*split)[i].content);
    }
}
