#include "inference/worker/tokenizer/tokenizer_json.hpp"

namespace millrace::inference::worker {
namespace {

Behavior behavior(const JsonPart& part, std::string_view otherwise) {
    const auto name = part.text_or("behavior", otherwise);
    if (name == "Isolated") return Behavior::isolated;
    if (name == "Removed") return Behavior::removed;
    if (name == "MergedWithPrevious") return Behavior::merged_with_previous;
    if (name == "MergedWithNext") return Behavior::merged_with_next;
    if (name == "Contiguous") return Behavior::contiguous;
    part.refuse("behavior", fmt::format("\"{:.64}\" is not known", name));
}

char32_t one_character(const JsonPart& part, std::string_view member) {
    const auto text = part.text(member);
    if (text.empty() || count_characters(text) != 1) part.refuse(member, "one character is needed");
    const char* at = text.data();
    return next_character(at);
}

SplittingStep meta_space(const JsonPart& part) {
    const auto scheme = part.text_or("prepend_scheme", part.truth_or("add_prefix_space", true) ? "always" : "never");
    if (scheme != "always" && scheme != "first" && scheme != "never")
        part.refuse("prepend_scheme", fmt::format("\"{:.64}\" is not known", scheme));
    const auto prepend = scheme == "always" ? Prepend::always : scheme == "first" ? Prepend::first : Prepend::never;
    return meta_space_splitting(one_character(part, "replacement"), prepend, part.truth_or("split", true));
}

} // namespace

void read_splitting(const JsonPart& part, Splitting& splitting, int depth) {
    const auto type = part.text("type");
    auto& steps = splitting.steps;
    if (type == "Sequence") {
        if (depth >= deepest_sequence) part.refuse("", "too many sequences in each other");
        const auto& list = part.array("pretokenizers");
        for (std::size_t i = 0; i < list.size(); ++i)
            read_splitting(part.part(list[i], "pretokenizers", i), splitting, depth + 1);
    } else if (type == "BertPreTokenizer") {
        steps.push_back(bert_splitting());
    } else if (type == "ByteLevel") {
        steps.push_back(
            byte_level_splitting(part.truth_or("add_prefix_space", true), part.truth_or("use_regex", true)));
    } else if (type == "Metaspace") {
        steps.push_back(meta_space(part));
    } else if (type == "Split") {
        steps.push_back(pattern_splitting(read_pattern(part), behavior(part, ""), part.truth_or("invert", false)));
    } else if (type == "Punctuation") {
        steps.push_back(character_splitting(is_punctuation, behavior(part, "Isolated")));
    } else if (type == "Digits") {
        steps.push_back(character_splitting(
            is_number, part.truth_or("individual_digits", false) ? Behavior::isolated : Behavior::contiguous));
    } else if (type == "WhitespaceSplit") {
        steps.push_back(character_splitting(is_space, Behavior::removed));
    } else if (type == "Whitespace") {
        steps.push_back(word_splitting());
    } else if (type == "CharDelimiterSplit") {
        steps.push_back(one_character_splitting(one_character(part, "delimiter")));
    } else if (type == "FixedLength") {
        steps.push_back(
            length_splitting(part.value("length") ? static_cast<std::size_t>(part.integer("length", 1, 1 << 20)) : 5));
    } else {
        part.refuse("type", fmt::format("the pre-tokenizer \"{:.64}\" is not supported", type));
    }
    if (steps.size() > 64) part.refuse("", "more than 64 steps");
}

} // namespace millrace::inference::worker
