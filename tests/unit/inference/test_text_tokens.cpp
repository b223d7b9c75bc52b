#include "inference/worker/text_characters.hpp"
#include "inference/worker/text_tokens.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::inference::worker;
using Tokens = std::vector<std::int64_t>;

namespace {

model::TextRule rule(const std::string& length, const std::string& tokenizer) {
    const auto m = model::Manifest::parse(R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"text","datatype":"INT64","shape":[)" +
                                          length + R"(],"tokenizer":{)" + tokenizer + "}}}");
    REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().detail));
    return m->inputs.front().text;
}

} // namespace

TEST_CASE("a byte is its own token, cut and padded between begin and end") {
    const auto plain = rule("6", R"("kind":"bytes","padding":256,"begin":257,"end":258)");
    CHECK(tokenize("ab", plain) == Tokens{257, 'a', 'b', 258, 256, 256});
    CHECK(tokenize("abcdefgh", plain) == Tokens{257, 'a', 'b', 'c', 'd', 258});
    CHECK(tokenize("é", plain) == Tokens{257, 0xc3, 0xa9, 258, 256, 256});
    CHECK(tokenize("", plain) == Tokens{257, 258, 256, 256, 256, 256});
    CHECK(tokenize("ÀB", rule("3", R"("kind":"bytes","lowercase":true)")) == Tokens{0xc3, 0xa0, 'b'});
    CHECK_THROWS_AS(tokenize("\xc3", plain), InputError);
}

TEST_CASE("words are runs of letters and digits of any script") {
    const auto words = rule("5", R"("kind":"words","lowercase":true,"vocabulary":["-","?","straße","день","2nd"],"unknown":"?")");
    CHECK(tokenize("Straße, ДЕНЬ—2nd!", words) == Tokens{2, 3, 4, 0, 0});
    CHECK(tokenize("one two three four five six", words) == Tokens{1, 1, 1, 1, 1});
    const auto exact = rule("2", R"("kind":"words","vocabulary":["?","Day"])");
    CHECK(tokenize("Day day", exact) == Tokens{1, 0});
}

TEST_CASE("word pieces are the longest first, as BERT's") {
    const std::string vocabulary = R"("vocabulary":["[PAD]","[UNK]","[CLS]","[SEP]","un","##aff","##able","##a","play","##ing","cafe",",","中","u"])";
    const auto pieces = rule("9", R"("kind":"word_pieces","lowercase":true,"unknown":"[UNK]","begin":"[CLS]","end":"[SEP]",)" + vocabulary);
    CHECK(tokenize("unaffable", pieces) == Tokens{2, 4, 5, 6, 3, 0, 0, 0, 0});
    CHECK(tokenize("Playing, Café中xyz", pieces) == Tokens{2, 8, 9, 11, 10, 12, 1, 3, 0});
    CHECK(tokenize("unaffordable", pieces) == Tokens{2, 1, 3, 0, 0, 0, 0, 0, 0}); // not half a word
    CHECK(tokenize(std::string(101, 'u'), pieces)[1] == 1);
    CHECK(tokenize("cafe\xcc\x81 un", pieces) == Tokens{2, 10, 4, 3, 0, 0, 0, 0, 0}); // an accent of its own
}

TEST_CASE("characters: UTF-8 is checked, and written as it was read") {
    for (const auto* bad : {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xe2\x82", "\xff"})
        CHECK_FALSE(from_utf8(bad).has_value());
    const std::string good = "aé€😀";
    std::string again;
    const auto characters = from_utf8(good);
    REQUIRE(characters.has_value());
    for (const auto c : *characters) append_utf8(again, c);
    CHECK(again == good);
    CHECK(lower(U'Ž') == U'ž');
    CHECK(lower(U'Ŷ') == U'ŷ');
    CHECK(lower(U'Ω') == U'ω');
    CHECK(lower(U'Ё') == U'ё');
    CHECK(lower(U'×') == U'×');
    CHECK(without_accent(U'ž') == U'z');
    CHECK(without_accent(U'ø') == U'ø'); // a letter of its own
    CHECK(is_space(U'\u00a0'));
    CHECK(is_punctuation(U'€'));
    CHECK_FALSE(is_punctuation(U'ª'));
}
