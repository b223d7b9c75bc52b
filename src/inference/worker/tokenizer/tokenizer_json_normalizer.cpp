#include "inference/worker/tokenizer/tokenizer_json.hpp"

#include "base/encoding.hpp"

namespace millrace::inference::worker {
namespace {

std::string content(const JsonPart& part, std::string_view member) {
    const auto text = part.text(member);
    if (text.size() > longest_content) part.refuse(member, fmt::format("more than {} bytes", longest_content));
    return std::string{text};
}

NormalizerStep bert(const JsonPart& part) {
    BertNormalizing rule;
    rule.clean = part.truth_or("clean_text", true);
    rule.ideographs = part.truth_or("handle_chinese_chars", true);
    rule.lowercase = part.truth_or("lowercase", true);
    rule.strip_accents = part.truth_or("strip_accents", rule.lowercase);
    return bert_normalizer(rule);
}

NormalizerStep precompiled(const JsonPart& part) {
    const auto bytes = from_base64(part.text("precompiled_charsmap"));
    if (!bytes) part.refuse("precompiled_charsmap", "base64 is needed");
    return charsmap_normalizer(Charsmap{{reinterpret_cast<const char*>(bytes->data()), bytes->size()}});
}

} // namespace

Pattern read_pattern(const JsonPart& part) {
    const auto pattern = part.part("pattern");
    if (pattern.value("String")) return Pattern::literal(pattern.text("String"));
    return Pattern{pattern.text("Regex")};
}

void read_normalizer(const JsonPart& part, Normalizer& normalizer, int depth) {
    const auto type = part.text("type");
    auto& steps = normalizer.steps;
    if (type == "Sequence") {
        if (depth >= deepest_sequence) part.refuse("", "too many sequences in each other");
        const auto& list = part.array("normalizers");
        for (std::size_t i = 0; i < list.size(); ++i)
            read_normalizer(part.part(list[i], "normalizers", i), normalizer, depth + 1);
    } else if (type == "BertNormalizer") {
        steps.push_back(bert(part));
    } else if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
        steps.push_back(form_normalizer(type == "NFC"    ? NormalForm::nfc
                                        : type == "NFD"  ? NormalForm::nfd
                                        : type == "NFKC" ? NormalForm::nfkc
                                                         : NormalForm::nfkd));
    } else if (type == "Lowercase") {
        steps.push_back(lowercase_normalizer());
    } else if (type == "Strip") {
        steps.push_back(strip_normalizer(part.truth_or("strip_left", true), part.truth_or("strip_right", true)));
    } else if (type == "StripAccents") {
        steps.push_back(strip_accents_normalizer());
    } else if (type == "Replace") {
        steps.push_back(replace_normalizer(read_pattern(part), content(part, "content")));
    } else if (type == "Prepend") {
        steps.push_back(prepend_normalizer(content(part, "prepend")));
    } else if (type == "Nmt") {
        steps.push_back(nmt_normalizer());
    } else if (type == "ByteLevel") {
        steps.push_back(byte_level_normalizer());
    } else if (type == "Precompiled") {
        if (part.value("precompiled_charsmap") && !part.text("precompiled_charsmap").empty())
            steps.push_back(precompiled(part));
    } else {
        part.refuse("type", fmt::format("the normalizer \"{:.64}\" is not supported", type));
    }
    if (steps.size() > 64) part.refuse("", "more than 64 steps");
}

} // namespace millrace::inference::worker
