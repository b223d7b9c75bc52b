// The rules of an input of kind text, and of kind row.
#include "model/manifest_reader.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace millrace::model {
namespace {

constexpr std::int64_t longest_text = 1 << 20;
constexpr std::size_t most_words = 1 << 18, most_columns = 4096, most_categories = 65'536;

// A token's number, or the token itself as the vocabulary has it.
std::optional<std::int64_t> read_token(Part& part, std::string_view member, const TextRule& rule, std::int64_t highest) {
    const auto* value = part.value(member);
    if (!value || !value->is_string()) return part.integer(member, 0, highest);
    const auto found = std::find(rule.vocabulary.begin(), rule.vocabulary.end(), std::string_view{value->get_string()});
    if (found != rule.vocabulary.end()) return found - rule.vocabulary.begin();
    part.refuse("\"{}\" is not a word of \"vocabulary\"", member);
    return std::nullopt;
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
    if (tensor.shape.size() != 1 || tensor.shape[0] < 1 || tensor.shape[0] > longest_text)
        part.refuse("a text needs the shape [length] with a length of 1 to {}", longest_text);
    auto object = part.part("tokenizer");
    if (!object) part.refuse("a text needs a \"tokenizer\"");
    if (!part.ok()) return rule;
    object->only({"kind", "lowercase", "vocabulary", "padding", "unknown", "begin", "end"});
    rule.length = static_cast<int>(tensor.shape[0]);
    rule.tokenizer = object->choice<Tokenizer>("kind", tokenizer_names()).value_or(Tokenizer::bytes);
    rule.lowercase = object->truth("lowercase").value_or(false);
    rule.vocabulary = object->words("vocabulary", most_words, 256);
    if (!part.ok()) return rule;
    const bool bytes = rule.tokenizer == Tokenizer::bytes;
    if (bytes) object->none_of({"vocabulary", "unknown"}, "the tokenizers words and word_pieces");
    else if (rule.vocabulary.empty()) object->refuse("\"vocabulary\" is missing");
    // A byte is its own number; what is put around and behind the text may lie above.
    const auto highest = bytes ? std::int64_t{65'535} : static_cast<std::int64_t>(rule.vocabulary.size()) - 1;
    rule.padding = read_token(*object, "padding", rule, highest).value_or(0);
    rule.unknown = read_token(*object, "unknown", rule, highest).value_or(0);
    rule.begin = read_token(*object, "begin", rule, highest);
    rule.end = read_token(*object, "end", rule, highest);
    rule.sorted.resize(rule.vocabulary.size());
    std::iota(rule.sorted.begin(), rule.sorted.end(), 0u);
    std::sort(rule.sorted.begin(), rule.sorted.end(),
              [&](auto a, auto b) { return rule.vocabulary[a] < rule.vocabulary[b]; });
    if (rule.length <= (rule.begin ? 1 : 0) + (rule.end ? 1 : 0))
        part.refuse("\"shape\" leaves no place for the text between \"begin\" and \"end\"");
    return rule;
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
        part.refuse("\"shape\" must be [{}]: one place for each number and for each category, and for \"own_place\"", places);
    return columns;
}

} // namespace millrace::model
