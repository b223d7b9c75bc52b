#include "inference/worker/tensor/row_tensor.hpp"

#include "inference/worker/input/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

namespace millrace::inference::worker {
namespace {

// A value as it stands in the request: a text that may mean a number, or a number, or neither: absent.
struct Cell {
    std::optional<double> number;
    std::optional<std::string> text;

    bool absent() const { return !number && !text; }
};

std::optional<double> number_in(std::string_view text) {
    double value = 0;
    text = trimmed(text);
    if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

Cell cell_of(const json::value* value, const values::Column& column) {
    if (!value) return {};
    if (const auto* text = value->if_string()) return {std::nullopt, std::string{text->data(), text->size()}};
    if (const auto* truth = value->if_bool()) return {*truth ? 1.0 : 0.0, *truth ? "true" : "false"};
    if (const auto* integer = value->if_int64()) return {static_cast<double>(*integer), std::to_string(*integer)};
    if (value->is_number()) return {value->to_number<double>(), std::nullopt};
    throw InputError{fmt::format("\"{}\" must be a number or a string", column.name)};
}

// By the text itself; else a number is the category of the same number, however either is written.
std::optional<std::size_t> category_of(const Cell& cell, const values::Column& column) {
    const auto& categories = column.categories;
    const auto place = [&](auto found) -> std::optional<std::size_t> {
        if (found == categories.end()) return std::nullopt;
        return static_cast<std::size_t>(found - categories.begin());
    };
    if (cell.text)
        for (const std::string_view text : {std::string_view{*cell.text}, trimmed(*cell.text)})
            if (const auto found = place(std::find(categories.begin(), categories.end(), text))) return found;
    const auto number = cell.number ? cell.number : number_in(*cell.text);
    if (!number) return std::nullopt;
    return place(std::find_if(categories.begin(), categories.end(),
                              [&](const auto& each) { return number_in(each) == number; }));
}

InputError no_category(const values::Column& column) {
    constexpr std::size_t shown = 20;
    const auto end = column.categories.begin() + static_cast<std::ptrdiff_t>(std::min(shown, column.categories.size()));
    return InputError{fmt::format("\"{}\" must be one of {}{}", column.name,
                                  fmt::join(column.categories.begin(), end, ", "),
                                  column.categories.size() > shown ? ", …" : "")};
}

// 1 at its place among the categories. An absent value is not an unknown one: it is an error in any case.
void put_category(const Cell& cell, const values::Column& column, float* to) {
    if (cell.absent()) throw InputError{fmt::format("\"{}\" is missing", column.name)};
    const auto place = category_of(cell, column);
    if (place) to[*place] = 1;
    else if (column.unknown == values::UnknownCategory::own_place) to[column.categories.size()] = 1;
    else if (column.unknown == values::UnknownCategory::refused) throw no_category(column);
}

void put_number(const Cell& cell, const values::Column& column, float* to) {
    auto number = cell.number;
    if (!number && cell.text) number = number_in(*cell.text);
    if (!number && !cell.absent()) throw InputError{fmt::format("\"{}\" must be a number", column.name)};
    if (!number) number = column.missing;
    if (!number) throw InputError{fmt::format("\"{}\" is missing", column.name)};
    *to = static_cast<float>((*number - column.mean) / column.deviation);
    if (!std::isfinite(*to)) throw InputError{fmt::format("\"{}\" is too large", column.name)};
}

// `cell(i)`: the value for column i.
template <class CellAt>
TensorValue encode(const values::InputSpec& input, CellAt cell) {
    std::vector<float> numbers(static_cast<std::size_t>(input.tensor.shape.front()), 0.0F);
    float* to = numbers.data();
    for (std::size_t i = 0; i < input.columns.size(); ++i) {
        const auto& column = input.columns[i];
        if (column.categories.empty()) put_number(cell(i), column, to);
        else put_category(cell(i), column, to);
        to += column.places();
    }
    TensorValue value{input.tensor.datatype, input.tensor.shape, {}};
    value.bytes.resize(numbers.size() * sizeof(float));
    std::memcpy(value.bytes.data(), numbers.data(), value.bytes.size());
    return value;
}

std::optional<std::size_t> column_place(const values::InputSpec& input, std::string_view name) {
    for (std::size_t i = 0; i < input.columns.size(); ++i)
        if (input.columns[i].name == name) return i;
    return std::nullopt;
}

// Where each column of the model stands in a line of the table. Columns without a name are left out: those behind a
// separator at the end of each line, and the one of numbers that data frames write before the others.
struct Header {
    std::size_t width = 0;
    std::vector<std::optional<std::size_t>> places;
};

Header read_header(CsvReader& reader, const values::InputSpec& input) {
    Header header{0, std::vector<std::optional<std::size_t>>(input.columns.size())};
    CsvRow names;
    if (!reader.next(names)) throw InputError{"the CSV is empty; its first line must name its columns"};
    header.width = names.size();
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (trimmed(names[i]).empty()) continue;
        auto column = column_place(input, names[i]);
        if (!column) column = column_place(input, trimmed(names[i]));
        if (!column && names.size() == 1 && names[i].find(';') != std::string::npos)
            throw InputError{
                "the CSV is separated by semicolons; separate its values by commas, and write decimal points"};
        if (!column)
            throw InputError{
                fmt::format("the model has no column \"{:.100}\"; the first line must name its columns", names[i])};
        if (header.places[*column]) throw InputError{fmt::format("the CSV has the column \"{:.100}\" twice", names[i])};
        header.places[*column] = i;
    }
    for (std::size_t i = 0; i < header.places.size(); ++i)
        if (!header.places[i] && !input.columns[i].missing)
            throw InputError{
                fmt::format("the CSV has no column \"{}\", and nothing stands in for it", input.columns[i].name)};
    return header;
}

TensorValue encode_line(const CsvRow& line, const Header& header, const values::InputSpec& input) {
    const bool more = std::any_of(line.begin() + static_cast<std::ptrdiff_t>(std::min(line.size(), header.width)),
                                  line.end(), [](const std::string& value) { return !value.empty(); });
    if (line.size() < header.width || more) // empty values at the end are a separator too many
        throw InputError{fmt::format("there are {} values, in the first line {}", line.size(), header.width)};
    return encode(input, [&](std::size_t i) {
        if (!header.places[i]) return Cell{};
        const auto& value = line[*header.places[i]];
        const bool number = input.columns[i].categories.empty();
        return (number ? trimmed(value) : value).empty() ? Cell{} : Cell{std::nullopt, value};
    });
}

} // namespace

TensorValue row_tensor(const json::object& row, const values::InputSpec& input) {
    for (const auto& member : row)
        if (!column_place(input, {member.key().data(), member.key().size()}))
            throw InputError{fmt::format("the model has no column \"{:.100}\"",
                                         std::string_view{member.key().data(), member.key().size()})};
    return encode(input, [&](std::size_t i) { return cell_of(field(row, input.columns[i].name), input.columns[i]); });
}

std::vector<TensorValue> csv_tensors(std::string_view text, const values::InputSpec& input) {
    CsvReader reader{text, 2 * input.columns.size() + 64};
    const auto header = read_header(reader, input);
    std::vector<TensorValue> rows;
    CsvRow line;
    while (reader.next(line)) {
        if (rows.size() == static_cast<std::size_t>(max_rows))
            throw InputError{fmt::format("the CSV has more than {} rows", max_rows)};
        try {
            rows.push_back(encode_line(line, header, input));
        } catch (const InputError& e) {
            throw InputError{fmt::format("row {} of the CSV (line {}): {}", rows.size() + 1, reader.line(), e.what())};
        }
    }
    if (rows.empty()) throw InputError{"the CSV has no row below its first line"};
    return rows;
}

} // namespace millrace::inference::worker
