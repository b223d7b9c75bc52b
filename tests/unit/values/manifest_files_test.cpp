// The files that a manifest leaves something to.
#include "values/manifest.hpp"
#include "values/manifest_files.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::values;

namespace {

std::vector<std::string> named(const std::string& text) {
    const auto names = named_files(json::parse(text));
    REQUIRE_MESSAGE(names.has_value(), (names ? "" : names.error().detail));
    return *names;
}

std::string refusal(const std::string& text) {
    const auto names = named_files(json::parse(text));
    REQUIRE_FALSE_MESSAGE(names.has_value(), text);
    CHECK(names.error().code == Code::unprocessable);
    return names.error().detail;
}

Manifest text_model(const std::string& tokenizer) {
    auto m = Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"text","datatype":"INT64","shape":[6],"tokenizer":{)" +
        tokenizer + "}}}");
    REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().detail));
    return *m;
}

} // namespace

TEST_CASE("the files of a manifest are found wherever it names them, but not in its warm-up") {
    CHECK(named(R"({"name":"m"})").empty());
    CHECK(
        named(
            R"({"labels":{"file":"l.txt"},"inputs":[{"tokenizer":{"file":"tokenizer.json"}},{"tokenizer":{"vocabulary":{"file":"v.txt"}}},
                    {"tokenizer":{"vocabulary":{"file":"v.txt"}}}],"warm_up":{"inputs":[{"file":"no.txt"}]}})") ==
        std::vector<std::string>{"l.txt", "tokenizer.json", "v.txt"});
    CHECK(named(R"({"description":"file","columns":[{"file":3}]})").empty());
}

TEST_CASE("a file has a plain name that no other file of a version has") {
    for (const char* bad : {"", "../x", "a/b", ".hidden", "manifest.json", "model.pt", "model.pt2", "model.pt.sig",
                            "with space", "x\\u0000y", "ü.txt"})
        CHECK(refusal(R"({"labels":{"file":")" + std::string{bad} + "\"}}").find("cannot be the name of a file") !=
              std::string::npos);
    CHECK(refusal(R"({"labels":{"file":")" + std::string(65, 'a') + "\"}}").find("cannot be the name") !=
          std::string::npos);
    std::string many = R"({"inputs":[)";
    for (std::size_t i = 0; i <= max_files; ++i) many += (i ? "," : "") + fmt::format(R"({{"file":"f{}"}})", i);
    CHECK(refusal(many + "]}").find("at most 16") != std::string::npos);
}

TEST_CASE("the lines of a file end with LF or CR LF, and the last need not") {
    const auto lines = [](std::string_view text) { return *lines_of(text, "f", 4, 8); };
    CHECK(lines("").empty());
    CHECK(lines("a\nb") == std::vector<std::string>{"a", "b"});
    CHECK(lines("\xef\xbb\xbf"
                "a\r\nb\r\n") == std::vector<std::string>{"a", "b"});
    CHECK(lines("a\n\nb\n") == std::vector<std::string>{"a", "", "b"});
    CHECK(lines("\xe2\x80\xa8\n") ==
          std::vector<std::string>{"\xe2\x80\xa8"}); // a separator inside a line is no end of it
    CHECK(lines_of("a\nb\nc\nd\ne", "f", 4, 8).error().detail == "f: it has more than 4 lines");
    CHECK(lines_of("a\n123456789", "f", 4, 8).error().detail == "f: line 2 has more than 8 bytes");
    CHECK(lines_of("\xff", "f", 4, 8).error().detail == "f: it is not a text in UTF-8");
}

TEST_CASE("labels in a file become labels in the manifest") {
    auto value = json::parse(R"({"labels":{"file":"labels.txt"}})");
    CHECK(labels_file(value) == "labels.txt");
    REQUIRE(put_labels(value, "cat\ndog\n").has_value());
    CHECK(json::serialize(value) == R"({"labels":["cat","dog"]})");
    CHECK(labels_file(value).empty());
    auto blank = json::parse(R"({"labels":{"file":"labels.txt"}})");
    CHECK(put_labels(blank, "cat\n\ndog").error().detail == "labels.txt: line 2 is empty; each line is a label");
    CHECK(labels_file(json::parse(R"({"labels":{"file":"x","more":1}})")).empty());
}

TEST_CASE("a vocabulary in a file is kept by its name, and its words become numbers when it is read") {
    const auto text =
        R"("kind":"words","vocabulary":{"file":"v.txt"},"padding":"[PAD]","unknown":"[UNK]","begin":2,"end":"[SEP]")";
    const auto once = text_model(text);
    const auto twice = Manifest::from_json(once.to_json());
    REQUIRE(twice.has_value());
    CHECK(json::serialize(twice->to_json()) == json::serialize(once.to_json()));
    CHECK(named(json::serialize(once.to_json())) == std::vector<std::string>{"v.txt"});
    auto rule = twice->inputs.front().text;
    CHECK(rule.vocabulary.empty());
    REQUIRE(put_vocabulary(rule, "x\n[PAD]\n[CLS]\n[SEP]\n[UNK]\nx\n").has_value());
    CHECK(rule.padding == 1);
    CHECK(rule.unknown == 4);
    CHECK(rule.begin == 2);
    CHECK(rule.end == 3);
    CHECK(rule.vocabulary.size() == 6);
    CHECK(rule.sorted.size() == 5); // "x" is its last place
    CHECK(std::find(rule.sorted.begin(), rule.sorted.end(), 0u) == rule.sorted.end());
}

TEST_CASE("a vocabulary in a file that cannot be it is refused with its name") {
    const auto refused = [](const std::string& tokenizer, const std::string& text) {
        auto rule = text_model(R"("kind":"words","vocabulary":{"file":"v.txt"})" + tokenizer).inputs.front().text;
        const auto put = put_vocabulary(rule, text);
        REQUIRE_FALSE(put.has_value());
        return put.error().detail;
    };
    CHECK(refused("", "") == "v.txt: it has no lines; each is a token");
    CHECK(refused("", "\xff") == "v.txt: it is not a text in UTF-8");
    CHECK(refused(R"(,"unknown":"[UNK]")", "a\nb") == "v.txt: it has no token \"[UNK]\", which the manifest names");
    CHECK(refused(R"(,"end":2)", "a\nb") == "v.txt: it has 2 tokens, but the manifest names the number 2");
    for (const char* bad : {R"({"file":"../v"})", R"({"file":1})", "{}", R"({"file":"v","lines":1})"})
        CHECK_FALSE(
            Manifest::parse(
                R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"text","datatype":"INT64",
            "shape":[6],"tokenizer":{"kind":"words","vocabulary":)" +
                std::string{bad} + "}}}")
                .has_value());
}
