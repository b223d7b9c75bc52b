#include "inference/worker/tokenizer/tokenizer_json.hpp"

namespace millrace::inference::worker {
namespace {

constexpr std::size_t most_parts = 64;

std::uint8_t type_of(const JsonPart& part) {
    return part.value("type_id") ? static_cast<std::uint8_t>(part.integer("type_id", 0, 255)) : std::uint8_t{0};
}

// One of {"Sequence": {"id": "A", "type_id": 0}} and {"SpecialToken": {"id": "[CLS]", "type_id": 0}}.
TemplatePart template_part(const JsonPart& one, const JsonPart& root) {
    if (one.value("Sequence")) {
        const auto sequence = one.part("Sequence");
        const auto id = sequence.text("id");
        if (id != "A" && id != "B") sequence.refuse("id", "\"A\" or \"B\" is needed");
        return {id == "A" ? TemplatePart::first : TemplatePart::second, {}, type_of(sequence)};
    }
    const auto special = one.part("SpecialToken");
    const auto token = root.part("special_tokens").part(special.text("id"));
    TemplatePart mark{TemplatePart::mark, {}, type_of(special)};
    for (const auto& id : token.array("ids")) mark.ids.push_back(token.integer(id, "ids", 0, most_tokens - 1));
    if (mark.ids.size() > most_parts) token.refuse("ids", "too many");
    return mark;
}

Template read_order(const JsonPart& part, std::string_view member, bool pair) {
    Template order;
    int first = 0, second = 0;
    const auto& list = part.array(member);
    if (list.size() > most_parts) part.refuse(member, fmt::format("more than {} parts", most_parts));
    for (std::size_t i = 0; i < list.size(); ++i) {
        order.push_back(template_part(part.part(list[i], member, i), part));
        first += order.back().what == TemplatePart::first;
        second += order.back().what == TemplatePart::second;
    }
    if (first != 1 || second != (pair ? 1 : 0))
        part.refuse(member,
                    pair ? "each of the two texts is needed once" : "the text is needed once, and no second one");
    return order;
}

// BERT's and RoBERTa's, which are fixed: their ends as ["[SEP]", 102].
std::int64_t mark_id(const JsonPart& part, std::string_view member) {
    const auto& both = part.array(member);
    if (both.size() != 2) part.refuse(member, "a token and its number are needed");
    return part.integer(both[1], member, 0, most_tokens - 1);
}

} // namespace

void read_template(const JsonPart& part, TokenParts& parts) {
    const auto type = part.text("type");
    if (type == "Sequence") {
        const auto& list = part.array("processors");
        if (list.size() > most_parts) part.refuse("processors", "too many");
        bool found = false;
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto one = part.part(list[i], "processors", i);
            const auto own = one.text("type");
            if (own == "ByteLevel") continue;
            if (own == "Sequence" || std::exchange(found, true))
                one.refuse("type", "several that put marks around a text are not supported");
            read_template(one, parts);
        }
    } else if (type == "TemplateProcessing") {
        parts.single = read_order(part, "single", false);
        parts.pair = read_order(part, "pair", true);
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
        const auto begin = mark_id(part, "cls"), end = mark_id(part, "sep");
        const std::uint8_t second = type == "BertProcessing" ? 1 : 0;
        const TemplatePart first_text{TemplatePart::first, {}, 0}, second_text{TemplatePart::second, {}, second};
        parts.single = {{TemplatePart::mark, {begin}, 0}, first_text, {TemplatePart::mark, {end}, 0}};
        parts.pair = parts.single;
        if (second == 0) parts.pair.push_back({TemplatePart::mark, {end}, 0});
        parts.pair.push_back(second_text);
        parts.pair.push_back({TemplatePart::mark, {end}, second});
    } else if (type != "ByteLevel") { // which looks after offsets only
        part.refuse("type", fmt::format("the post-processor \"{:.64}\" is not supported", type));
    }
}

} // namespace millrace::inference::worker
