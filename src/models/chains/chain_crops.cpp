#include "models/chains/chain_crops.hpp"

#include "models/chains/chain_answer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace millrace::models {
namespace {

using inference::Region;

std::optional<double> number_at(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_number() ? std::optional{value->to_number<double>()} : std::nullopt;
}

// [x, y, width, height]
std::optional<std::array<double, 4>> box_of(const json::value& object) {
    const auto* members = object.if_object();
    const auto* list = members ? members->if_contains("box") : nullptr;
    if (!list || !list->is_array() || list->get_array().size() != 4) return std::nullopt;
    std::array<double, 4> box{};
    for (std::size_t i = 0; i < 4; ++i) {
        if (!list->get_array()[i].is_number()) return std::nullopt;
        box[i] = list->get_array()[i].to_number<double>();
    }
    return box;
}

// From where to where, in whole pixels of a side that is `most` long.
struct Span {
    std::uint32_t from = 0, length = 0;
};
Span pixels(double from, double length, double margin, double most) {
    const double first = std::clamp(std::floor(from - length * margin), 0.0, most);
    const double last = std::clamp(std::ceil(from + length * (1 + margin)), 0.0, most);
    return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(std::max(0.0, last - first))};
}

// One row of an output that has all of them: {"name","datatype","shape","data"}.
std::optional<json::value> row_of(const json::value& output, std::size_t row, std::size_t rows) {
    json::object one = output.as_object();
    auto &shape = one["shape"].as_array(), &data = one["data"].as_array();
    if (shape.empty() || data.size() % rows != 0) return std::nullopt;
    const auto length = static_cast<std::ptrdiff_t>(data.size() / rows);
    const auto begin = data.begin() + length * static_cast<std::ptrdiff_t>(row);
    data = json::array(begin, begin + length);
    shape.erase(shape.begin());
    return one;
}

Result<std::vector<json::object>> rows_of_outputs(const json::array& outputs, std::size_t rows) {
    std::vector<json::object> answers(rows);
    for (std::size_t row = 0; row < rows; ++row) {
        json::array list;
        for (const auto& output : outputs) {
            auto one = row_of(output, row, rows);
            if (!one) return Error{Code::internal, "its output cannot be told by crops"};
            list.push_back(std::move(*one));
        }
        answers[row]["outputs"] = std::move(list);
    }
    return answers;
}

} // namespace

Result<Crops> crops_of(const json::object& found, const values::Crop& crop) {
    if (found.contains("rows"))
        return Error{Code::unprocessable, "the request brings several pictures; crops are taken of one"};
    const auto width = number_at(found, "width"), height = number_at(found, "height");
    const auto* objects = found.if_contains("objects");
    if (!width || !height || !objects || !objects->is_array())
        return Error{Code::unprocessable, "there is nothing to crop: the request brings no picture"};
    Crops crops;
    for (std::size_t i = 0;
         i < objects->get_array().size() && crops.regions.size() < static_cast<std::size_t>(crop.most); ++i) {
        const auto box = box_of(objects->get_array()[i]);
        if (!box) continue;
        const auto across = pixels((*box)[0], (*box)[2], crop.margin, *width),
                   down = pixels((*box)[1], (*box)[3], crop.margin, *height);
        if (across.length == 0 || down.length == 0) continue;
        crops.regions.push_back(Region{across.from, down.from, across.length, down.length});
        crops.objects.push_back(i);
    }
    return crops;
}

Result<std::vector<json::object>> answers_of(const json::object& result, std::size_t rows) {
    if (rows == 1 && !result.contains("rows")) return std::vector{without_times(result)};
    std::vector<json::object> answers;
    if (const auto* outputs = result.if_contains("outputs"); outputs && outputs->is_array())
        return rows_of_outputs(outputs->get_array(), rows);
    const auto* list = result.if_contains("rows");
    if (!list || !list->is_array() || list->get_array().size() != rows)
        return Error{Code::internal, "its answer has another number of rows than there were crops"};
    for (const auto& row : list->get_array()) answers.push_back(row.as_object());
    return answers;
}

} // namespace millrace::models
