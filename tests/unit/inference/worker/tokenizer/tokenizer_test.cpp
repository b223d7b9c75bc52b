#include "base/json.hpp"
#include "inference/worker/tokenizer/tokenizer.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::inference::worker;
using Tokens = std::vector<std::int64_t>;

namespace {

values::TextRule rule(const std::string& length, const std::string& tokenizer) {
    const auto m = values::Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"text","datatype":"INT64","shape":[)" +
        length + R"(],"tokenizer":{)" + tokenizer + "}}}");
    REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().detail));
    return m->inputs.front().text;
}

struct Opened {
    values::TextRule rule;
    std::shared_ptr<const Tokenizer> tokenizer;
    Opened(const std::string& length, const std::string& text, const TokenizerFiles& files = {})
        : rule{::rule(length, text)} {
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
           R"(,"padding":"[PAD]","unknown":"[UNK]","begin":"[CLS]","end":"[SEP]","vocabulary":["[PAD]","[UNK]","[CLS]","[SEP]","[MASK]",)" +
           words + "]";
}

} // namespace

TEST_CASE("a byte is its own token, cut and padded between begin and end") {
    const Opened plain{"6", R"("kind":"bytes","padding":256,"begin":257,"end":258)"};
    CHECK(plain("ab") == Tokens{257, 'a', 'b', 258, 256, 256});
    CHECK(plain("abcdefgh") == Tokens{257, 'a', 'b', 'c', 'd', 258});
    CHECK(plain("é") == Tokens{257, 0xc3, 0xa9, 258, 256, 256});
    CHECK(plain("") == Tokens{257, 258, 256, 256, 256, 256});
    CHECK(Opened{"3", R"("kind":"bytes","lowercase":true)"}("ÀB") == Tokens{0xc3, 0xa0, 'b'});
    for (const auto* bad : {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                            "\xf8\x88\x80\x80\x80", "a\xe2\x82", "\xff", "\xc3"})
        CHECK_THROWS_AS(plain(bad), InputError);
}

TEST_CASE("words are runs of letters, marks and digits of any script") {
    const Opened words{
        "5", R"("kind":"words","lowercase":true,"vocabulary":["-","?","straße","день","2nd","हिन्दी"],"unknown":"?")"};
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
    CHECK(Opened{"5", bert(R"("αλφα","и","ᄒ","##ᅡ","##ᆫ")")}("한") ==
          Tokens{2, 7, 8, 9, 3}); // a syllable of Hangul is its letters
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
    CHECK(longest.encode("a b c d", "a b c d").ids ==
          Tokens{2, 5, 6, 3, 5, 6, 7, 3}); // the odd place is the second one's
    CHECK(longest.encode("a b c d e", "a b c d").ids == Tokens{2, 5, 6, 7, 3, 5, 6, 3}); // or the longer one's
    const Opened second{"8", bert(words) + R"(,"cut":"only_second")"};
    CHECK(second.encode("a b c d", "a b c d").ids == Tokens{2, 5, 6, 7, 8, 3, 5, 3});
    CHECK_THROWS_AS(second.encode("a b c d e", "a b"), InputError);
    const Opened first{"8", bert(words) + R"(,"cut":"only_first")"};
    CHECK(first.encode("a b c d", "a b c d").ids == Tokens{2, 5, 3, 5, 6, 7, 8, 3});
    CHECK(longest.tokenizer->count("a b c d e a b c d e") == 12);
}

namespace {

const std::filesystem::path references = std::filesystem::path{MILLRACE_SOURCE_DIR} / "tests/data/tokenizers";

std::string contents(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

// A tokenizer of the references, opened as a pushed model's would be.
struct Reference {
    std::map<std::string, std::string> files;
    std::shared_ptr<const Tokenizer> tokenizer;
    json::value expected;
    explicit Reference(const std::filesystem::path& folder) {
        for (const auto& entry : std::filesystem::directory_iterator{folder})
            files[entry.path().filename()] = contents(entry.path());
        auto text = rule("1048576", files["manifest.json"].substr(1, files["manifest.json"].rfind('}') - 1));
        TokenizerFiles views;
        for (const auto& [name, bytes] : files) views[name] = bytes;
        if (!text.vocabulary_file.empty() && text.tokenizer != values::Tokenizer::byte_pairs)
            REQUIRE(values::put_vocabulary(text, files[text.vocabulary_file]).has_value());
        auto opened = open_tokenizer(text, views);
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().detail));
        tokenizer = *std::move(opened);
        expected = *parse_json(files["expected.json"]);
    }
};

std::vector<std::string> lines() {
    std::vector<std::string> all;
    std::ifstream file{references / "lines.txt"};
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
}

} // namespace

TEST_CASE("the tokens of every kind of tokenizer are those of its own library") {
    const auto texts = lines();
    REQUIRE(texts.size() > 50);
    int kinds = 0;
    for (const auto& entry : std::filesystem::directory_iterator{references}) {
        if (!entry.is_directory()) continue;
        CAPTURE(entry.path().filename().string());
        ++kinds;
        const Reference reference{entry.path()};
        const auto& singles = reference.expected.at("lines").as_array();
        const auto& pairs = reference.expected.at("pairs").as_array();
        REQUIRE(singles.size() == texts.size());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            CAPTURE(texts[i]);
            CHECK(reference.tokenizer->encode(texts[i], std::nullopt, SIZE_MAX, Cut::longest_first).ids ==
                  json::value_to<Tokens>(singles[i]));
            if (i >= pairs.size()) continue;
            const auto encoding = reference.tokenizer->encode(texts[i], texts[i + 1], SIZE_MAX, Cut::longest_first);
            CHECK(encoding.ids == json::value_to<Tokens>(pairs[i].at(0)));
            CHECK(Tokens(encoding.types.begin(), encoding.types.end()) == json::value_to<Tokens>(pairs[i].at(1)));
        }
    }
    CHECK(kinds >= 14);
}

TEST_CASE("a broken or unknown tokenizer file is refused with what is wrong") {
    const auto refused = [](const std::string& bytes, const std::string& more = "") {
        const auto opened = open_tokenizer(rule("16", R"("kind":"file","file":"t.json")" + more), {{"t.json", bytes}});
        return opened ? std::string{"opened"} : opened.error().detail;
    };
    const auto with = [](const std::string& parts) {
        return R"({"model":{"type":"WordLevel","vocab":{"a":0,"[UNK]":1},"unk_token":"[UNK]"},)" + parts + "}";
    };
    CHECK(refused(with(R"("normalizer":null)")) == "opened");
    CHECK(refused(with(R"("normalizer":{"type":"Transliterate"})"))
              .find("the normalizer \"Transliterate\" is not supported") != std::string::npos);
    CHECK(refused(with(R"("pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"UnicodeScripts"}]})"))
              .find("pre_tokenizer.pretokenizers[0].type") != std::string::npos);
    CHECK(refused(with(R"("pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated"})"))
              .find("not understood at byte") != std::string::npos);
    CHECK(refused(with(R"("post_processor":{"type":"Chat"})")).find("\"Chat\"") != std::string::npos);
    CHECK(
        refused(R"({"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}})").find("needs the token \"ab\"") !=
        std::string::npos);
    CHECK(refused(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}})").find("dropout") !=
          std::string::npos);
    CHECK(refused(R"({"model":{"type":"Unigram","vocab":[["a",-1]],"unk_id":7}})").find("unk_id") != std::string::npos);
    CHECK(refused(R"({"model":{"type":"Seq2Seq"}})").find("\"Seq2Seq\"") != std::string::npos);
    CHECK(refused(with(R"("normalizer":null)"), R"(,"end":1)").find("\"begin\" and \"end\"") != std::string::npos);
    CHECK(refused(with(R"("normalizer":null)"), R"(,"padding":"[PAD]")").find("\"[PAD]\"") != std::string::npos);
    for (const auto* broken :
         {"", "{", "{}", "\x0a\xff\xff\xff\xff\x0f", "\x0a\x05\x0a\x01\x61\x18\x02\x12\x02\x18\x03", "hello"})
        CHECK_MESSAGE(refused(broken) != "opened", broken);
}

TEST_CASE("a hostile text or tokenizer ends in bounded time") {
    const Reference pairs{references / "llama2"}, unigram{references / "t5"}, expressions{references / "llama3"},
        own{references / "bpe_symbols"};
    for (const auto& text : {std::string(100'000, 'a'), std::string(100'000, ' '), std::string(100'000, '<'),
                             std::string(100'000, '\n'), std::string(100'000, '\x01')})
        for (const auto* each : {&pairs, &unigram, &expressions, &own})
            CHECK_NOTHROW((void)each->tokenizer->encode(text, std::nullopt, SIZE_MAX, Cut::longest_first));
    const Opened slow{"16",
                      R"("kind":"file","file":"t.json")",
                      {{"t.json", R"({"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"},
                         "pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a+)+$"},"behavior":"Isolated"}})"}}};
    CHECK_THROWS_AS((void)slow.encode(std::string(5000, 'a') + "b"), InputError);
}

// Bytes of good files changed, cut and put together: whatever opens must then give numbers within its own bounds.
// Longer by MILLRACE_FUZZ_SECONDS.
TEST_CASE("a changed tokenizer file is refused, or gives numbers of its own") {
    std::mt19937 random{20261129};
    const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random()) % bound; };
    std::vector<std::pair<std::string, std::string>> corpus; // bytes, manifest members
    for (const auto& entry : std::filesystem::directory_iterator{references}) {
        if (!entry.is_directory()) continue;
        for (const auto* name : {"tokenizer.json", "sentence.model"})
            if (auto bytes = contents(entry.path() / name); !bytes.empty())
                corpus.emplace_back(std::move(bytes), R"("kind":"file","file":"f")");
    }
    REQUIRE(corpus.size() >= 10);
    const auto texts = lines();
    const auto* asked = std::getenv("MILLRACE_FUZZ_SECONDS");
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{asked ? std::atoi(asked) : 0};
    int rounds = 0, opened_ones = 0;
    for (; rounds < 150 || std::chrono::steady_clock::now() < end; ++rounds) {
        auto [bytes, members] = corpus[below(corpus.size())];
        for (auto changes = 1 + below(4); changes > 0; --changes) {
            const auto at = below(bytes.size());
            switch (below(5)) {
            case 0: bytes[at] = static_cast<char>(random()); break;
            case 1: bytes.erase(at, 1 + below(16)); break;
            case 2: bytes.insert(at, bytes.substr(below(bytes.size()), 1 + below(64))); break;
            case 3: bytes[at] = static_cast<char>('0' + below(10)); break;
            default: bytes.resize(std::max<std::size_t>(1, rounds % 16 == 0 ? at : bytes.size())); break;
            }
        }
        const auto tokenizer = open_tokenizer(rule("64", members), {{"f", bytes}});
        if (!tokenizer) continue;
        ++opened_ones;
        for (int i = 0; i < 3; ++i) {
            try {
                const auto encoding =
                    (*tokenizer)
                        ->encode(texts[below(texts.size())], texts[below(texts.size())], 64, Cut::longest_first);
                CHECK(encoding.ids.size() <= 64);
                CHECK(encoding.ids.size() == encoding.types.size());
                for (const auto id : encoding.ids) CHECK((id >= 0 && id <= (*tokenizer)->highest()));
            } catch (const InputError&) {}
        }
    }
    CHECK(opened_ones > rounds / 20);
}
