#include "inference/worker/row_tensor.hpp"

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
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

Cell cell_of(const json::value* value, const model::Column& column) {
    if (!value) return {};
    if (const auto* text = value->if_string()) return {std::nullopt, std::string{text->data(), text->size()}};
    if (const auto* truth = value->if_bool()) return {*truth ? 1.0 : 0.0, *truth ? "true" : "false"};
    if (const auto* integer = value->if_int64()) return {static_cast<double>(*integer), std::to_string(*integer)};
    if (value->is_number()) return {value->to_number<double>(), std::nullopt};
    throw InputError{fmt::format("\"{}\" must be a number or a string", column.name)};
}

// Where it belongs among the categories: 1 there.
void put_category(const Cell& cell, const model::Column& column, float* to) {
    if (cell.absent()) throw InputError{fmt::format("\"{}\" is missing", column.name)};
    const auto found = std::find(column.categories.begin(), column.categories.end(), cell.text.value_or(""));
    if (found == column.categories.end()) {
        constexpr std::size_t shown = 20;
        const auto end = column.categories.begin() +
                         static_cast<std::ptrdiff_t>(std::min(shown, column.categories.size()));
        throw InputError{fmt::format("\"{}\" must be one of {}{}", column.name, fmt::join(column.categories.begin(), end, ", "),
                                     column.categories.size() > shown ? ", …" : "")};
    }
    to[found - column.categories.begin()] = 1;
}

void put_number(const Cell& cell, const model::Column& column, float* to) {
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
TensorValue encode(const model::InputSpec& input, CellAt cell) {
    std::vector<float> numbers(static_cast<std::size_t>(input.tensor.shape.front()), 0.0F);
    float* to = numbers.data();
    for (std::size_t i = 0; i < input.columns.size(); ++i) {
        const auto& column = input.columns[i];
        if (column.categories.empty()) put_number(cell(i), column, to);
        else put_category(cell(i), column, to);
        to += std::max<std::size_t>(1, column.categories.size());
    }
    TensorValue value{input.tensor.datatype, input.tensor.shape, {}};
    value.bytes.resize(numbers.size() * sizeof(float));
    std::memcpy(value.bytes.data(), numbers.data(), value.bytes.size());
    return value;
}

std::optional<std::size_t> column_place(const model::InputSpec& input, std::string_view name) {
    for (std::size_t i = 0; i < input.columns.size(); ++i)
        if (input.columns[i].name == name) return i;
    return std::nullopt;
}

using Line = std::vector<std::string>;

// Takes the next line off `text`; quoted values may have commas, line ends and doubled quotes in them.
Line take_line(std::string_view& text) {
    Line line{""};
    bool quoted = false;
    std::size_t i = 0;
    for (; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c != '"') line.back() += c;
            else if (i + 1 < text.size() && text[i + 1] == '"') line.back() += text[++i];
            else quoted = false;
        } else if (c == '"' && line.back().empty()) {
            quoted = true;
        } else if (c == ',') {
            line.emplace_back();
        } else if (c == '\n') {
            break;
        } else if (c != '\r') {
            line.back() += c;
        }
    }
    if (quoted) throw InputError{"the CSV ends inside a quoted value"};
    text.remove_prefix(std::min(text.size(), i + 1));
    return line;
}

} // namespace

TensorValue row_tensor(const json::object& row, const model::InputSpec& input) {
    for (const auto& member : row)
        if (!column_place(input, {member.key().data(), member.key().size()}))
            throw InputError{fmt::format("the model has no column \"{:.100}\"",
                                         std::string_view{member.key().data(), member.key().size()})};
    return encode(input, [&](std::size_t i) { return cell_of(field(row, input.columns[i].name), input.columns[i]); });
}

std::vector<TensorValue> csv_tensors(std::string_view text, const model::InputSpec& input) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3); // the mark that spreadsheets put before UTF-8
    const auto header = take_line(text);
    std::vector<std::optional<std::size_t>> places(input.columns.size()); // of each column in a line
    for (std::size_t i = 0; i < header.size(); ++i) {
        const auto column = column_place(input, header[i]);
        if (!column) throw InputError{fmt::format("the model has no column \"{:.100}\"; the first line must name its columns", header[i])};
        if (places[*column]) throw InputError{fmt::format("the CSV has the column \"{:.100}\" twice", header[i])};
        places[*column] = i;
    }
    std::vector<TensorValue> rows;
    while (!text.empty()) {
        const auto line = take_line(text);
        if (line.size() == 1 && line[0].empty() && header.size() > 1) continue; // an empty line
        if (rows.size() == static_cast<std::size_t>(max_rows))
            throw InputError{fmt::format("the CSV has more than {} rows", max_rows)};
        if (line.size() != header.size())
            throw InputError{fmt::format("row {} of the CSV has {} values, its first line {}", rows.size() + 1, line.size(), header.size())};
        rows.push_back(encode(input, [&](std::size_t i) {
            const bool there = places[i] && !line[*places[i]].empty();
            return there ? Cell{std::nullopt, line[*places[i]]} : Cell{};
        }));
    }
    if (rows.empty()) throw InputError{"the CSV has no row below its first line"};
    return rows;
}

} // namespace millrace::inference::worker
