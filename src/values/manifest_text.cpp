// The rules of an input of kind text, and of kind row.
#include "values/manifest_files.hpp"
#include "values/manifest_reader.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace millrace::values {
namespace {

constexpr std::int64_t longest_text = 1 << 20;
constexpr std::size_t most_words = 1 << 18, longest_word = 256, most_columns = 4096, most_categories = 65'536;

// A token's number, or the token itself as the vocabulary has it; kept as a `word` while the vocabulary is not known.
std::optional<std::int64_t> read_token(Part& part, std::string_view member, const TextRule& rule, std::int64_t highest,
                                       std::string& word) {
    const auto* value = part.value(member);
    if (!value || !value->is_string()) return part.integer(member, 0, highest);
    if (!rule.vocabulary_file.empty() || !rule.file.empty()) {
        word = part.text(member, longest_word).value_or("");
        if (word.empty()) part.refuse("\"{}\" must not be empty", member);
        return std::nullopt;
    }
    const auto found = std::find(rule.vocabulary.begin(), rule.vocabulary.end(), std::string_view{value->get_string()});
    if (found != rule.vocabulary.end()) return found - rule.vocabulary.begin();
    part.refuse("\"{}\" is not a word of \"vocabulary\"", member);
    return std::nullopt;
}

std::string read_file_name(Part& part) {
    auto name = part.text("file", 64).value_or("");
    if (!is_file_name(name)) part.refuse("\"file\" must be the name of a file that is pushed with the model");
    return name;
}

// {"file": NAME}
std::string read_file(Part& part, std::string_view member) {
    auto object = part.part(member);
    if (!object)
        return part.refuse("\"{}\" must be {{\"file\":…}}, the name of a file that is pushed with the model", member),
               "";
    object->only({"file"});
    return read_file_name(*object);
}

// An array of words, or {"file": NAME}.
void read_vocabulary(Part& part, TextRule& rule) {
    const auto* value = part.value("vocabulary");
    if (!value || !value->is_object()) rule.vocabulary = part.words("vocabulary", most_words, longest_word);
    else rule.vocabulary_file = read_file(part, "vocabulary");
}

// Which members each kind of tokenizer has.
void check_members(Part& object, Tokenizer tokenizer) {
    const bool pairs = tokenizer == Tokenizer::byte_pairs, file = tokenizer == Tokenizer::file;
    if (tokenizer == Tokenizer::bytes)
        object.none_of({"vocabulary", "unknown"}, "the tokenizers words, word_pieces and byte_pairs");
    if (file) object.none_of({"vocabulary", "unknown"}, "a tokenizer that is not all in a file");
    if (pairs || file) object.none_of({"lowercase"}, "the tokenizers bytes, words and word_pieces");
    if (tokenizer != Tokenizer::word_pieces) object.none_of({"strip_accents"}, "the tokenizer word_pieces");
    if (!pairs) object.none_of({"merges", "prefix_space"}, "the tokenizer byte_pairs");
    if (!file) object.none_of({"file"}, "the tokenizer file");
}

// What the tokenizer's tokens are, or the files that they are in.
void read_tokens(Part& object, TextRule& rule) {
    if (rule.tokenizer == Tokenizer::bytes) return;
    if (rule.tokenizer == Tokenizer::file) {
        rule.file = read_file_name(object);
        return;
    }
    read_vocabulary(object, rule);
    if (!object.ok()) return;
    if (rule.vocabulary.empty() && rule.vocabulary_file.empty()) object.refuse("\"vocabulary\" is missing");
    if (rule.tokenizer != Tokenizer::byte_pairs) return;
    if (rule.vocabulary_file.empty()) object.refuse("\"vocabulary\" must be {{\"file\":…}}: a vocab.json");
    rule.merges_file = read_file(object, "merges");
}

// Of a word that is there twice, the last is found, as other readers of such files have it.
void sort_vocabulary(TextRule& rule) {
    const auto& words = rule.vocabulary;
    rule.sorted.resize(words.size());
    std::iota(rule.sorted.begin(), rule.sorted.end(), 0u);
    std::sort(rule.sorted.begin(), rule.sorted.end(),
              [&](auto a, auto b) { return words[a] != words[b] ? words[a] < words[b] : a > b; });
    rule.sorted.erase(std::unique(rule.sorted.begin(), rule.sorted.end(),
                                  [&](auto a, auto b) { return words[a] == words[b]; }),
                      rule.sorted.end());
}

Column read_column(Part& part) {
    part.only({"name", "mean", "std", "missing", "categories", "unknown"});
    Column column;
    column.name = part.text("name", 256).value_or("");
    if (column.name.empty()) part.refuse("\"name\" is missing or empty");
    if (part.has("categories")) {
        part.none_of({"mean", "std", "missing"}, "a column of numbers, without \"categories\"");
        column.categories = part.words("categories", most_categories, 256);
        if (part.ok() && column.categories.empty()) part.refuse("\"categories\" is empty");
        column.unknown = part.choice_or("unknown", unknown_names(), UnknownCategory::refused);
        return column;
    }
    part.none_of({"unknown"}, "a column with \"categories\"");
    column.mean = part.number("mean", -1e30, 1e30).value_or(0);
    column.deviation = part.number("std", -1e30, 1e30).value_or(1);
    column.missing = part.number("missing", -1e30, 1e30);
    if (std::abs(column.deviation) < 1e-30) part.refuse("\"std\" must not be zero");
    return column;
}

} // namespace

TextRule read_text(Part& part, const TensorSpec& tensor) {
    TextRule rule;
    if (tensor.datatype != Datatype::int64 && tensor.datatype != Datatype::int32)
        part.refuse("a text is given to the model as INT64 or INT32");
    rule.open = tensor.shape == Shape{-1};
    if (!rule.open && (tensor.shape.size() != 1 || tensor.shape[0] < 1 || tensor.shape[0] > longest_text))
        part.refuse("a text needs the shape [length] with a length of 1 to {}, or [-1]", longest_text);
    if (!part.ok()) return rule;
    rule.part = part.choice_or("gives", text_part_names(), TextPart::ids);
    if (rule.part != TextPart::ids) {
        part.none_of({"tokenizer"}, "the text whose ids it goes with");
        return rule;
    }
    part.none_of({"of"}, "an input that \"gives\" what goes with the ids of another");
    auto object = part.part("tokenizer");
    if (!object) part.refuse("a text needs a \"tokenizer\"");
    if (!part.ok()) return rule;
    object->only({"kind", "lowercase", "strip_accents", "prefix_space", "vocabulary", "merges", "file", "padding",
                  "unknown", "begin", "end", "cut", "max_length"});
    const auto most = object->integer("max_length", 1, longest_text);
    if (rule.open && !most) object->refuse("a text of the shape [-1] needs a \"max_length\", beyond which it is cut");
    if (!rule.open && most) object->refuse("\"max_length\" belongs to a text of the shape [-1]");
    if (!part.ok()) return rule;
    rule.length = static_cast<int>(rule.open ? *most : tensor.shape[0]);
    rule.tokenizer = object->choice<Tokenizer>("kind", tokenizer_names()).value_or(Tokenizer::bytes);
    rule.lowercase = object->truth("lowercase").value_or(false);
    rule.strip_accents = object->truth("strip_accents");
    rule.prefix_space = object->truth("prefix_space").value_or(false);
    rule.cut = object->choice_or("cut", cut_names(), Cut::longest_first);
    if (!part.ok()) return rule;
    check_members(*object, rule.tokenizer);
    read_tokens(*object, rule);
    if (!part.ok()) return rule;
    const bool bytes = rule.tokenizer == Tokenizer::bytes;
    // A byte is its own number; what is put around and behind the text may lie above.
    const auto words = rule.vocabulary.empty() ? std::size_t{1} << 20 : rule.vocabulary.size();
    const auto highest = bytes ? std::int64_t{65'535} : static_cast<std::int64_t>(words) - 1;
    rule.padding = read_token(*object, "padding", rule, highest, rule.words.padding).value_or(0);
    rule.unknown = read_token(*object, "unknown", rule, highest, rule.words.unknown).value_or(0);
    rule.begin = read_token(*object, "begin", rule, highest, rule.words.begin);
    rule.end = read_token(*object, "end", rule, highest, rule.words.end);
    sort_vocabulary(rule);
    const bool begins = rule.begin || !rule.words.begin.empty(), ends = rule.end || !rule.words.end.empty();
    if (rule.length <= (begins ? 1 : 0) + (ends ? 1 : 0))
        part.refuse("\"{}\" leaves no place for the text between \"begin\" and \"end\"",
                    rule.open ? "max_length" : "shape");
    return rule;
}

void link_text(Part& part, std::vector<InputSpec>& inputs) {
    auto& last = inputs.back();
    if (last.kind != InputKind::text || last.text.part == TextPart::ids) return;
    const auto name = part.text("of", 128);
    std::optional<std::size_t> of;
    for (std::size_t i = 0; i + 1 < inputs.size(); ++i)
        if (inputs[i].kind == InputKind::text && inputs[i].text.part == TextPart::ids &&
            (!name || inputs[i].tensor.name == *name))
            of = i;
    if (!of) return part.refuse("\"of\" must name an input of kind text with a tokenizer that stands before this one");
    if (inputs[*of].tensor.shape != last.tensor.shape)
        return part.refuse("\"shape\" must be the same as that of \"{}\"", inputs[*of].tensor.name);
    last.text.of = *of;
    last.text.length = inputs[*of].text.length;
    last.text.open = inputs[*of].text.open;
}

Result<void> put_vocabulary(TextRule& rule, std::string_view text) {
    auto lines = lines_of(text, rule.vocabulary_file, most_words, longest_word);
    if (!lines) return lines.error();
    const auto refuse = [&](std::string why) {
        return Error{Code::unprocessable, fmt::format("{}: {}", rule.vocabulary_file, why)};
    };
    if (lines->empty()) return refuse("it has no lines; each is a token");
    rule.vocabulary = std::move(*lines);
    sort_vocabulary(rule);
    const auto count = static_cast<std::int64_t>(rule.vocabulary.size());
    const auto place = [&](const std::string& word,
                           std::optional<std::int64_t> number) -> Result<std::optional<std::int64_t>> {
        if (number >= count)
            return refuse(fmt::format("it has {} tokens, but the manifest names the number {}", count, *number));
        if (word.empty()) return number;
        const auto found = std::find(rule.vocabulary.begin(), rule.vocabulary.end(), word);
        if (found == rule.vocabulary.end())
            return refuse(fmt::format("it has no token \"{}\", which the manifest names", word));
        return std::optional<std::int64_t>{found - rule.vocabulary.begin()};
    };
    const auto padding = place(rule.words.padding, rule.padding), unknown = place(rule.words.unknown, rule.unknown);
    const auto begin = place(rule.words.begin, rule.begin), end = place(rule.words.end, rule.end);
    for (const auto* each : {&padding, &unknown, &begin, &end})
        if (!*each) return each->error();
    rule.padding = **padding;
    rule.unknown = **unknown;
    rule.begin = *begin;
    rule.end = *end;
    return success();
}

std::vector<Column> read_columns(Part& part, const TensorSpec& tensor) {
    std::vector<Column> columns;
    if (tensor.datatype != Datatype::fp32) part.refuse("a row is given to the model as FP32");
    const auto* list = part.value("columns");
    if (!list || !list->is_array() || list->get_array().empty() || list->get_array().size() > most_columns)
        part.refuse("a row needs \"columns\", an array of 1 to {} objects", most_columns);
    if (!part.ok()) return columns;
    std::set<std::string> names;
    std::size_t places = 0;
    for (const auto& element : list->get_array()) {
        const auto name = fmt::format("{}: columns[{}]", part.name(), columns.size());
        if (!element.is_object()) return part.refuse("\"columns\" must be an array of objects"), columns;
        auto one = part.inside(element.get_object(), name);
        columns.push_back(read_column(one));
        if (!part.ok()) return columns;
        if (!names.insert(columns.back().name).second)
            return part.refuse("\"columns\" has \"{}\" twice", columns.back().name), columns;
        places += columns.back().places();
    }
    if (tensor.shape != Shape{static_cast<std::int64_t>(places)})
        part.refuse("\"shape\" must be [{}]: one place for each number and for each category, and for \"own_place\"",
                    places);
    return columns;
}

} // namespace millrace::values
