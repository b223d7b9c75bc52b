#include "inference/worker/tokenizer/tokenizer.hpp"

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

struct Opened {
    model::TextRule rule;
    std::shared_ptr<const Tokenizer> tokenizer;
    Opened(const std::string& length, const std::string& text, const TokenizerFiles& files = {}) : rule{::rule(length, text)} {
        auto opened = open_tokenizer(rule, files);
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().detail));
        tokenizer = *std::move(opened);
    }
    Encoding encode(std::string_view text, std::optional<std::string_view> pair = std::nullopt) const {
        auto encoding = tokenizer->encode(text, pair, static_cast<std::size_t>(rule.length), rule.cut);
        pad(encoding, static_cast<std::size_t>(rule.length), tokenizer->padding());
        return encoding;
    }
    Tokens operator()(std::string_view text) const { return encode(text).ids; }
};

std::string bert(const std::string& words, bool lowercase = true) {
    return R"("kind":"word_pieces","lowercase":)" + std::string{lowercase ? "true" : "false"} +
           R"(,"padding":"[PAD]","unknown":"[UNK]","begin":"[CLS]","end":"[SEP]","vocabulary":["[PAD]","[UNK]","[CLS]","[SEP]","[MASK]",)" + words + "]";
}

} // namespace

TEST_CASE("a byte is its own token, cut and padded between begin and end") {
    const Opened plain{"6", R"("kind":"bytes","padding":256,"begin":257,"end":258)"};
    CHECK(plain("ab") == Tokens{257, 'a', 'b', 258, 256, 256});
    CHECK(plain("abcdefgh") == Tokens{257, 'a', 'b', 'c', 'd', 258});
    CHECK(plain("é") == Tokens{257, 0xc3, 0xa9, 258, 256, 256});
    CHECK(plain("") == Tokens{257, 258, 256, 256, 256, 256});
    CHECK(Opened{"3", R"("kind":"bytes","lowercase":true)"}("ÀB") == Tokens{0xc3, 0xa0, 'b'});
    for (const auto* bad : {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xe2\x82", "\xff", "\xc3"})
        CHECK_THROWS_AS(plain(bad), InputError);
}

TEST_CASE("words are runs of letters, marks and digits of any script") {
    const Opened words{"5", R"("kind":"words","lowercase":true,"vocabulary":["-","?","straße","день","2nd","हिन्दी"],"unknown":"?")"};
    CHECK(words("Straße, ДЕНЬ—2nd!") == Tokens{2, 3, 4, 0, 0});
    CHECK(words("one two three four five six") == Tokens{1, 1, 1, 1, 1});
    CHECK(words("हिन्दी€हिन्दी") == Tokens{5, 5, 0, 0, 0});
    CHECK(Opened{"2", R"("kind":"words","vocabulary":["?","Day"])"}("Day day") == Tokens{1, 0});
}

TEST_CASE("word pieces are the longest first, as BERT's") {
    const Opened pieces{"9", bert(R"("un","##aff","##able","##a","play","##ing","cafe",",","中","u")")};
    CHECK(pieces("unaffable") == Tokens{2, 5, 6, 7, 3, 0, 0, 0, 0});
    CHECK(pieces("Playing, Café中xyz") == Tokens{2, 9, 10, 12, 11, 13, 1, 3, 0});
    CHECK(pieces("unaffordable") == Tokens{2, 1, 3, 0, 0, 0, 0, 0, 0}); // not half a word
    CHECK(pieces(std::string(101, 'u'))[1] == 1);
    CHECK(pieces("cafe\xcc\x81 un") == Tokens{2, 11, 5, 3, 0, 0, 0, 0, 0}); // an accent of its own
}

TEST_CASE("word pieces: accents go in every script, by NFD without its nonspacing marks") {
    const Opened pieces{"4", bert(R"("αλφα","и","ᄒ","##ᅡ","##ᆫ","viet","हिनद","سلام","i","ס")")};
    CHECK(pieces("Άλφα") == Tokens{2, 5, 3, 0});
    CHECK(pieces("Й") == Tokens{2, 6, 3, 0});
    CHECK(Opened{"5", bert(R"("αλφα","и","ᄒ","##ᅡ","##ᆫ")")}("한") == Tokens{2, 7, 8, 9, 3}); // a syllable of Hangul is its letters
    CHECK(pieces("Việt") == Tokens{2, 10, 3, 0});
    CHECK(pieces("سَلَام") == Tokens{2, 12, 3, 0});
    CHECK(pieces("İ") == Tokens{2, 13, 3, 0});
    CHECK(Opened{"4", bert(R"("Άλφα")", false)}("Άλφα") == Tokens{2, 5, 3, 0}); // cased: as it is
    const Opened kept{"4", bert(R"("άλφα")") + R"(,"strip_accents":false)"};
    CHECK(kept("Άλφα") == Tokens{2, 5, 3, 0});
}

TEST_CASE("word pieces: symbols beyond ASCII are letters of their word, punctuation and ideographs stand alone") {
    const Opened pieces{"8", bert(R"("a","##€","##b","^","。","##😀","日","##²","¿")")};
    CHECK(pieces("a€b") == Tokens{2, 5, 6, 7, 3, 0, 0, 0});
    CHECK(pieces("a^a") == Tokens{2, 5, 8, 5, 3, 0, 0, 0}); // of ASCII all but letters and digits
    CHECK(pieces("a。a") == Tokens{2, 5, 9, 5, 3, 0, 0, 0});
    CHECK(pieces("a😀²") == Tokens{2, 5, 10, 12, 3, 0, 0, 0});
    CHECK(pieces("日日") == Tokens{2, 11, 11, 3, 0, 0, 0, 0});
    CHECK(pieces("¿a") == Tokens{2, 13, 5, 3, 0, 0, 0, 0});
    CHECK(pieces("a\xc2\xad\xe2\x80\x8b"
                 "a\xef\xbf\xbd\x01") == pieces("aa")); // formats, controls and U+FFFD are dropped
    CHECK(pieces("a\xe2\x80\xa8"
                 "a\xc2\xa0"
                 "a") == Tokens{2, 5, 5, 5, 3, 0, 0, 0}); // spaces of every kind
}

TEST_CASE("word pieces: a special token in a text is that token") {
    const Opened pieces{"10", bert(R"("a","[","]","mask","sep")")};
    CHECK(pieces("a [MASK] a") == Tokens{2, 5, 4, 5, 3, 0, 0, 0, 0, 0});
    CHECK(pieces("a[SEP]a") == Tokens{2, 5, 3, 5, 3, 0, 0, 0, 0, 0});
    CHECK(pieces("[mask]") == Tokens{2, 6, 8, 7, 3, 0, 0, 0, 0, 0}); // not in lower case
    const Opened plain{"3", R"("kind":"word_pieces","unknown":0,"padding":1,"vocabulary":["the","x","##m"])"};
    CHECK(plain("xm the") == Tokens{1, 2, 0}); // a number that names a plain word makes no mark of it
}

TEST_CASE("a pair of texts: types, and which of the two is cut") {
    const std::string words = R"("a","b","c","d","e")";
    const Opened longest{"8", bert(words)};
    const auto fits = longest.encode("a b", "c");
    CHECK(fits.ids == Tokens{2, 5, 6, 3, 7, 3, 0, 0});
    CHECK(fits.types == std::vector<std::uint8_t>{0, 0, 0, 0, 1, 1, 0, 0});
    CHECK(fits.length == 6);
    CHECK(longest.encode("a b c d e", "d e").ids == Tokens{2, 5, 6, 7, 3, 8, 9, 3});
    CHECK(longest.encode("a b c d", "a b c d").ids == Tokens{2, 5, 6, 3, 5, 6, 7, 3}); // the odd place is the second one's
    CHECK(longest.encode("a b c d e", "a b c d").ids == Tokens{2, 5, 6, 7, 3, 5, 6, 3}); // or the longer one's
    const Opened second{"8", bert(words) + R"(,"cut":"only_second")"};
    CHECK(second.encode("a b c d", "a b c d").ids == Tokens{2, 5, 6, 7, 8, 3, 5, 3});
    CHECK_THROWS_AS(second.encode("a b c d e", "a b"), InputError);
    const Opened first{"8", bert(words) + R"(,"cut":"only_first")"};
    CHECK(first.encode("a b c d", "a b c d").ids == Tokens{2, 5, 3, 5, 6, 7, 8, 3});
    CHECK(longest.tokenizer->count("a b c d e a b c d e") == 12);
}
