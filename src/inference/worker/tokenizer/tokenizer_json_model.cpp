#include "inference/worker/tokenizer/tokenizer_json.hpp"

#include "inference/worker/tokenizer/byte_pairs.hpp"
#include "inference/worker/tokenizer/unigram.hpp"
#include "inference/worker/tokenizer/word_model.hpp"
#include "inference/worker/tokenizer/word_pieces.hpp"

#include <cmath>

namespace millrace::inference::worker {
namespace {

Vocabulary vocabulary_of(const JsonPart& part) {
    Vocabulary vocabulary;
    const auto tokens = part.part("vocab");
    for (const auto& member : tokens.object())
        vocabulary.add(JsonPart::view(member.key()),
                       static_cast<TokenId>(
                           tokens.integer(member.value(), JsonPart::view(member.key()), 0, most_tokens - 1)));
    if (vocabulary.size() == 0) part.refuse("vocab", "there is no token");
    return vocabulary;
}

TokenId token(const JsonPart& part, std::string_view member, std::string_view otherwise, const Vocabulary& vocabulary) {
    const auto word = part.text_or(member, otherwise);
    const auto found = vocabulary.find(word);
    if (!found) part.refuse(member, fmt::format("the token \"{:.64}\" is not in the vocabulary", word));
    return *found;
}

std::unique_ptr<const TokenModel> word_pieces(const JsonPart& part) {
    auto vocabulary = vocabulary_of(part);
    WordPieceRule rule;
    rule.unknown = token(part, "unk_token", "[UNK]", vocabulary);
    rule.prefix = part.text_or("continuing_subword_prefix", "##");
    if (part.value("max_input_chars_per_word"))
        rule.longest_word = static_cast<std::size_t>(part.integer("max_input_chars_per_word", 1, 4096));
    return std::make_unique<WordPieces>(std::move(vocabulary), std::move(rule));
}

// ["a b", …] or [["a", "b"], …]
BytePairs::Merges merges_of(const JsonPart& part) {
    BytePairs::Merges merges;
    const auto& list = part.array("merges");
    if (list.size() > most_tokens) part.refuse("merges", fmt::format("more than {} of them", most_tokens));
    merges.reserve(list.size());
    for (const auto& one : list) {
        if (const auto* both = one.if_array();
            both && both->size() == 2 && (*both)[0].is_string() && (*both)[1].is_string()) {
            merges.emplace_back(JsonPart::view((*both)[0]), JsonPart::view((*both)[1]));
            continue;
        }
        const auto text = one.is_string() ? JsonPart::view(one) : std::string_view{};
        const auto space = text.find(' ');
        if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos)
            part.refuse("merges", fmt::format("the one at {} is not two tokens", merges.size()));
        merges.emplace_back(text.substr(0, space), text.substr(space + 1));
    }
    return merges;
}

std::unique_ptr<const TokenModel> byte_pairs(const JsonPart& part) {
    if (const auto* dropout = part.value("dropout");
        dropout && (!dropout->is_number() || dropout->to_number<double>() != 0))
        part.refuse("dropout", "merges left out by chance are for training; null is needed");
    auto vocabulary = vocabulary_of(part);
    BytePairRule rule;
    if (part.value("unk_token")) rule.unknown = token(part, "unk_token", "", vocabulary);
    rule.prefix = part.text_or("continuing_subword_prefix", "");
    rule.suffix = part.text_or("end_of_word_suffix", "");
    rule.join_unknown = part.truth_or("fuse_unk", false);
    rule.byte_fallback = part.truth_or("byte_fallback", false);
    rule.whole_words = part.truth_or("ignore_merges", false);
    return std::make_unique<BytePairs>(std::move(vocabulary), merges_of(part), std::move(rule));
}

std::unique_ptr<const TokenModel> unigram(const JsonPart& part) {
    Vocabulary vocabulary;
    UnigramRule rule;
    const auto& list = part.array("vocab");
    if (list.empty() || list.size() > most_tokens)
        part.refuse("vocab", fmt::format("from 1 to {} tokens are needed", most_tokens));
    for (const auto& one : list) {
        const auto* pair = one.if_array();
        if (!pair || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_number())
            part.refuse("vocab", fmt::format("the one at {} is not a token and its score", rule.scores.size()));
        vocabulary.add(JsonPart::view((*pair)[0]), static_cast<TokenId>(rule.scores.size()));
        rule.scores.push_back((*pair)[1].to_number<double>());
        if (!std::isfinite(rule.scores.back())) part.refuse("vocab", "a score is not finite");
    }
    if (part.value("unk_id"))
        rule.unknown =
            static_cast<TokenId>(part.integer("unk_id", 0, static_cast<std::int64_t>(rule.scores.size()) - 1));
    rule.byte_fallback = part.truth_or("byte_fallback", false);
    return std::make_unique<Unigram>(std::move(vocabulary), std::move(rule));
}

std::unique_ptr<const TokenModel> word_level(const JsonPart& part) {
    auto vocabulary = vocabulary_of(part);
    const auto unknown = token(part, "unk_token", "<unk>", vocabulary);
    return std::make_unique<WordModel>(std::move(vocabulary), unknown);
}

} // namespace

std::unique_ptr<const TokenModel> read_model(const JsonPart& part) {
    // Files of before 2020 name no type.
    const auto type = part.value("type")     ? part.text("type")
                      : part.value("merges") ? "BPE"
                      : part.value("unk_id") ? "Unigram"
                                             : "WordPiece";
    if (type == "WordPiece") return word_pieces(part);
    if (type == "BPE") return byte_pairs(part);
    if (type == "Unigram") return unigram(part);
    if (type == "WordLevel") return word_level(part);
    part.refuse("type", fmt::format("the model \"{:.64}\" is not supported", type));
}

} // namespace millrace::inference::worker
