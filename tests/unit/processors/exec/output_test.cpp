#include "processors/exec/output.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace millrace::processors;

namespace {

struct Read {
    std::vector<int> progress;
    std::string result;
    bool too_large;
};

// In pieces of `piece` bytes.
Read read(std::string_view text, std::size_t piece = 1 << 20, std::size_t max = 1 << 20) {
    Output output{max};
    Read out;
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
        if (const auto percent = output.take(text.substr(0, piece))) out.progress.push_back(*percent);
    output.end();
    out.result = output.result();
    out.too_large = output.too_large();
    return out;
}

using Progress = std::vector<int>;

} // namespace

TEST_CASE("progress comes before the result, in lines of two forms, however the bytes arrive") {
    constexpr auto text = "progress 5\n\n{\"progress_percent\": 45.9}\r\nprogress 100\n{\"answer\": [1, 2]}\n";
    for (const std::size_t piece : {1u, 2u, 7u}) {
        const auto out = read(text, piece);
        CHECK(out.progress == Progress{5, 45, 100});
        CHECK(out.result == "{\"answer\":[1,2]}");
    }
    CHECK(read(text).progress == Progress{100}); // of several at once the latest
    CHECK(read(text).result == "{\"answer\":[1,2]}");
}

TEST_CASE("after the first other line all is result") {
    const auto out = read("progress 1\nhello\nprogress 2\n", 1);
    CHECK(out.progress == Progress{1});
    CHECK(out.result == R"({"stdout":"hello\nprogress 2\n"})");
}

TEST_CASE("what only looks like progress is result") {
    for (const auto* text : {"progress", "progress 101\n", "progress -1\n", "progress 5 of 7\n", "progress5\n",
                             "progress nan\n", "progress inf\n", "progress\t5\n"}) {
        CAPTURE(text);
        CHECK(read(text).progress.empty());
        CHECK(read(text).result.starts_with("{\"stdout\":"));
    }
    for (const auto* text : {R"({"progress_percent":101})", R"({"progress_percent":"5"})",
                             R"({"progress_percent":5,"x":1})", R"({"percent":5})"}) {
        CAPTURE(text);
        CHECK(read(text).progress.empty());
        CHECK(read(text).result == text);
    }
}

TEST_CASE("any JSON is a result as it stands, anything else becomes the text") {
    CHECK(read("12345678901234567890\n").result == "12345678901234567890");
    CHECK(read("  \"text\"  ").result == "\"text\"");
    CHECK(read("null").result == "null");
    CHECK(read("{\"a\":1,\"a\":2}").result == R"x({"stdout":"{\"a\":1,\"a\":2}"})x");
    CHECK(read("").result == R"({"stdout":""})");
    CHECK(read("progress 100").result == R"({"stdout":""})");
    CHECK(read("two\nlines").result == R"({"stdout":"two\nlines"})");
    std::string late(500, ' '); // longer than any line of progress
    late += '7';
    CHECK(read(late).result == "7");
}

TEST_CASE("output that is no text is repaired, and a number too large for any reader is text") {
    CHECK(read("a\xff z").result == "{\"stdout\":\"a\xEF\xBF\xBD z\"}");
    CHECK(read("\"\xff\"").result == "{\"stdout\":\"\\\"\xEF\xBF\xBD\\\"\"}");
    CHECK(read("1e999").result == R"({"stdout":"1e999"})");
    CHECK(read(R"("\ud800")").result == R"({"stdout":"\"\\ud800\""})");
}

TEST_CASE("numbers of a result stay as the command wrote them") {
    CHECK(read("{\"n\": 36893488147419103233, \"x\": 1.0,\n \"y\": -0.0}").result ==
          R"({"n":36893488147419103233,"x":1.0,"y":-0.0})");
}

TEST_CASE("a result larger than its limit is not kept, and progress does not count") {
    CHECK_FALSE(read(std::string(100, 'x'), 10, 100).too_large);
    CHECK(read(std::string(101, 'x'), 10, 100).too_large);
    CHECK(read("xx", 10, 1).too_large);
    std::string much;
    for (int i = 0; i < 100; ++i) much += "progress 50\n";
    CHECK_FALSE(read(much + "1", 10, 1).too_large);
    CHECK(read(much + "1", 10, 1).result == "1");
}

TEST_CASE("of standard error the end is kept") {
    ErrorTail tail;
    tail.take("  first\n");
    CHECK(tail.text() == "first");
    for (int i = 0; i < 1000; ++i) tail.take("0123456789");
    tail.take("last\n");
    CHECK(tail.text().size() <= 4096);
    CHECK(tail.text().ends_with("9last"));
    tail.take(std::string(5000, 'y'));
    CHECK(tail.text() == std::string(4096, 'y'));
    ErrorTail cut;
    cut.take("\xE2\x82\xAC" + std::string(4094, 'z')); // the limit cuts the character
    CHECK(cut.text() == std::string(4094, 'z'));
}
