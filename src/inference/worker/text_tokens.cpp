#include "inference/worker/text_tokens.hpp"

#include "inference/worker/text_characters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

namespace millrace::inference::worker {
namespace {

using Tokens = std::vector<std::int64_t>;

constexpr std::size_t longest_word = 100; // characters; a longer one is unknown to word_pieces

std::optional<std::int64_t> find(const model::TextRule& rule, std::string_view token) {
    const auto place = std::lower_bound(rule.sorted.begin(), rule.sorted.end(), token,
                                        [&](std::uint32_t i, std::string_view t) { return rule.vocabulary[i] < t; });
    if (place == rule.sorted.end() || rule.vocabulary[*place] != token) return std::nullopt;
    return static_cast<std::int64_t>(*place);
}

std::u32string characters(std::string_view text) {
    auto read = from_utf8(text);
    if (!read) throw InputError{"the text is not valid UTF-8"};
    return *std::move(read);
}

// Runs of letters and digits, in lower case where the rule says so.
void add_words(std::string_view text, const model::TextRule& rule, std::size_t most, Tokens& tokens) {
    std::string word;
    const auto finish = [&] {
        if (!word.empty()) tokens.push_back(find(rule, word).value_or(rule.unknown));
        word.clear();
    };
    for (const auto c : characters(text)) {
        if (tokens.size() >= most) return;
        if (is_letter_or_digit(c)) append_utf8(word, rule.lowercase ? lower(c) : c);
        else finish();
    }
    finish();
}

// The longest piece of the vocabulary again and again; the pieces after the first are written with ## there.
void add_pieces(const std::u32string& word, const model::TextRule& rule, Tokens& tokens) {
    if (word.empty()) return;
    if (word.size() > longest_word) return tokens.push_back(rule.unknown);
    const auto before = tokens.size();
    for (std::size_t start = 0; start < word.size();) {
        std::string piece = start > 0 ? "##" : "";
        std::vector<std::size_t> ends; // in bytes, of each longer piece
        for (std::size_t i = start; i < word.size(); ++i) {
            append_utf8(piece, word[i]);
            ends.push_back(piece.size());
        }
        std::optional<std::int64_t> token;
        while (!ends.empty() && !(token = find(rule, std::string_view{piece}.substr(0, ends.back())))) ends.pop_back();
        if (!token) { // no piece: the word as a whole is unknown
            tokens.resize(before);
            return tokens.push_back(rule.unknown);
        }
        tokens.push_back(*token);
        start += ends.size();
    }
}

// Words between spaces; each punctuation character and ideograph is a word of its own. As BERT's, lower case is
// without accents.
void add_word_pieces(std::string_view text, const model::TextRule& rule, std::size_t most, Tokens& tokens) {
    std::u32string word;
    const auto finish = [&] {
        add_pieces(word, rule, tokens);
        word.clear();
    };
    for (auto c : characters(text)) {
        if (tokens.size() >= most) return;
        if (is_control(c) || (rule.lowercase && is_combining(c))) continue;
        if (rule.lowercase) c = without_accent(lower(c));
        if (is_space(c)) {
            finish();
        } else if (is_punctuation(c) || is_ideograph(c)) {
            finish();
            word = c;
            finish();
        } else {
            word += c;
        }
    }
    finish();
}

void add_bytes(std::string_view text, const model::TextRule& rule, Tokens& tokens) {
    std::string plain;
    const auto all = characters(text);
    if (rule.lowercase)
        for (const auto c : all) append_utf8(plain, lower(c));
    for (const char c : rule.lowercase ? std::string_view{plain} : text) tokens.push_back(static_cast<unsigned char>(c));
}

// Between begin and end, cut to the length.
Tokens cut_tokens(std::string_view text, const model::TextRule& rule) {
    Tokens tokens;
    if (rule.begin) tokens.push_back(*rule.begin);
    const auto most = static_cast<std::size_t>(rule.length) - (rule.end ? 1 : 0);
    switch (rule.tokenizer) {
    case model::Tokenizer::bytes: add_bytes(text, rule, tokens); break;
    case model::Tokenizer::words: add_words(text, rule, most, tokens); break;
    case model::Tokenizer::word_pieces: add_word_pieces(text, rule, most, tokens); break;
    }
    tokens.resize(std::min(tokens.size(), most));
    if (rule.end) tokens.push_back(*rule.end);
    return tokens;
}

void fill_up(Tokens& tokens, const model::TextRule& rule) {
    if (!rule.open) tokens.resize(static_cast<std::size_t>(rule.length), rule.padding);
    else if (tokens.empty()) tokens.push_back(rule.padding);
}

TensorValue tensor_of(Tokens tokens, const model::InputSpec& input) {
    const auto own = static_cast<std::int64_t>(tokens.size());
    fill_up(tokens, input.text);
    TensorValue value{input.tensor.datatype, {static_cast<std::int64_t>(tokens.size())}, {}, own};
    value.bytes.resize(tokens.size() * model::element_size(value.datatype));
    if (value.datatype == model::Datatype::int64) {
        std::memcpy(value.bytes.data(), tokens.data(), value.bytes.size());
        return value;
    }
    auto* to = value.bytes.data();
    for (const auto token : tokens) {
        const auto narrow = static_cast<std::int32_t>(token);
        std::memcpy(to, &narrow, sizeof narrow);
        to += sizeof narrow;
    }
    return value;
}

} // namespace

std::vector<std::int64_t> tokenize(std::string_view text, const model::TextRule& rule) {
    auto tokens = cut_tokens(text, rule);
    fill_up(tokens, rule);
    return tokens;
}

TensorValue text_tensor(std::string_view text, const model::InputSpec& input) { return tensor_of(cut_tokens(text, input.text), input); }

TensorValue numbered_tensor(const json::value& list, const model::InputSpec& input) {
    if (!list.is_array() || list.get_array().empty()) throw InputError{"\"tokens\" must be an array of numbers, or of such arrays"};
    const auto& array = list.get_array();
    if (array.size() > static_cast<std::size_t>(input.text.length))
        throw InputError{fmt::format("there are {} tokens, the model takes at most {}", array.size(), input.text.length)};
    const auto known = static_cast<std::int64_t>(input.text.vocabulary.size());
    const auto highest = known > 0 ? known - 1 : std::int64_t{std::numeric_limits<std::int32_t>::max()};
    Tokens tokens;
    for (const auto& each : array) {
        boost::system::error_code failure;
        const auto token = each.to_number<std::int64_t>(failure);
        if (!each.is_number() || failure || token < 0 || token > highest) throw InputError{fmt::format("a token must be a number from 0 to {}", highest)};
        tokens.push_back(token);
    }
    return tensor_of(std::move(tokens), input);
}

} // namespace millrace::inference::worker
