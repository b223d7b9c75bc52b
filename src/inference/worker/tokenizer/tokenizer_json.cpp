// Hugging Face's tokenizer.json: its parts, each by its "type". A type or option that is not known here is refused by
// name, for a tokenizer that leaves a step out gives other numbers without a word.
#include "inference/worker/tokenizer/tokenizer_json.hpp"

#include <algorithm>

namespace millrace::inference::worker {
namespace {

constexpr std::size_t most_added = 65'536;

// The added tokens in the order of their numbers; their contents are normalised as the text is.
void read_added(const JsonPart& root, TokenParts& parts) {
    if (!root.value("added_tokens")) return;
    const auto& list = root.array("added_tokens");
    if (list.size() > most_added) root.refuse("added_tokens", fmt::format("more than {} of them", most_added));
    for (std::size_t i = 0; i < list.size(); ++i) {
        const auto one = root.part(list[i], "added_tokens", i);
        AddedToken token;
        token.content = one.text("content");
        token.id = static_cast<TokenId>(one.integer("id", 0, most_tokens - 1));
        if (const auto own = parts.model->vocabulary().find(token.content)) token.id = *own;
        token.single_word = one.truth_or("single_word", false);
        token.strip_left = one.truth_or("lstrip", false);
        token.strip_right = one.truth_or("rstrip", false);
        token.normalized = one.truth_or("normalized", !one.truth_or("special", false));
        parts.added.add(std::move(token), parts.normalizer);
    }
}

// Their "max_length" and "strategy" are the manifest's matter; the side, and what is filled in, is the tokenizer's.
void read_lengths(const JsonPart& root, TokenParts& parts) {
    if (root.value("truncation")) parts.cut_left = root.part("truncation").text_or("direction", "Right") == "Left";
    if (!root.value("padding")) return;
    const auto padding = root.part("padding");
    parts.padding.id = padding.integer("pad_id", 0, most_tokens - 1);
    parts.padding.type = padding.value("pad_type_id")
                             ? static_cast<std::uint8_t>(padding.integer("pad_type_id", 0, 255))
                             : std::uint8_t{0};
    parts.padding.left = padding.text_or("direction", "Right") == "Left";
}

} // namespace

TokenParts read_tokenizer_json(std::string_view bytes) {
    const auto value = parse_json(bytes);
    if (!value) throw FileError{value.error().detail};
    if (!value->is_object()) throw FileError{"an object is needed"};
    const JsonPart root{value->get_object(), ""};
    TokenParts parts;
    if (root.value("normalizer")) read_normalizer(root.part("normalizer"), parts.normalizer, 0);
    if (root.value("pre_tokenizer")) read_splitting(root.part("pre_tokenizer"), parts.splitting, 0);
    parts.model = read_model(root.part("model"));
    read_added(root, parts);
    if (root.value("post_processor")) read_template(root.part("post_processor"), parts);
    read_lengths(root, parts);
    return parts;
}

} // namespace millrace::inference::worker
