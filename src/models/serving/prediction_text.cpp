#include "models/serving/prediction_text.hpp"

#include <cstring>

namespace millrace::models {
namespace {

using inference::Prediction;

// The length of the head in 8 bytes, the head as JSON, the result's floating-point numbers (8 bytes each: the JSON
// library reads them back to a unit in the last place only), then the bytes of the files and of the tensors.
constexpr std::size_t length_size = 8;

template <class Value, class Visit> // Value: json::value, const or not
void visit_doubles(Value& value, Visit& visit) {
    if (auto* number = value.if_double()) {
        visit(*number);
    } else if (auto* array = value.if_array()) {
        for (auto& element : *array) visit_doubles(element, visit);
    } else if (auto* object = value.if_object()) {
        for (auto& member : *object) visit_doubles(member.value(), visit);
    }
}

json::object head_of(const Prediction& prediction) {
    json::array files, tensors;
    for (const auto& file : prediction.files)
        files.push_back({{"name", file.name}, {"media_type", file.media_type}, {"size", file.bytes.size()}});
    for (const auto& tensor : prediction.tensors)
        tensors.push_back({{"name", tensor.name},
                           {"datatype", values::name(tensor.datatype)},
                           {"shape", json::value_from(tensor.shape)},
                           {"size", tensor.bytes.size()}});
    return {{"result", prediction.result},
            {"files", std::move(files)},
            {"tensors", std::move(tensors)},
            {"batch_size", prediction.batch_size},
            {"tokens", prediction.tokens}};
}

std::optional<std::string> take(std::string_view& rest, const json::value& size) {
    const auto count = size.to_number<std::uint64_t>();
    if (count > rest.size()) return std::nullopt;
    std::string bytes{rest.substr(0, count)};
    rest.remove_prefix(count);
    return bytes;
}

std::string text_of(const json::value& value) { return std::string{std::string_view{value.as_string()}}; }

std::optional<Prediction> assemble(const json::object& head, std::string_view rest) {
    Prediction out;
    auto result = head.at("result");
    bool whole = true;
    const auto restore = [&](double& number) {
        whole = whole && rest.size() >= sizeof number;
        if (!whole) return;
        std::memcpy(&number, rest.data(), sizeof number);
        rest.remove_prefix(sizeof number);
    };
    visit_doubles(result, restore);
    if (!whole) return std::nullopt;
    out.result = std::move(result.as_object());
    out.batch_size = head.at("batch_size").to_number<int>();
    out.tokens = head.at("tokens").to_number<std::uint64_t>();
    for (const auto& file : head.at("files").as_array()) {
        auto bytes = take(rest, file.at("size"));
        if (!bytes) return std::nullopt;
        out.files.push_back({text_of(file.at("name")), text_of(file.at("media_type")), std::move(*bytes)});
    }
    for (const auto& tensor : head.at("tensors").as_array()) {
        const auto type = values::datatype(std::string_view{tensor.at("datatype").as_string()});
        auto bytes = take(rest, tensor.at("size"));
        if (!bytes || !type) return std::nullopt;
        out.tensors.push_back(
            {text_of(tensor.at("name")), *type, json::value_to<values::Shape>(tensor.at("shape")), std::move(*bytes)});
    }
    return out;
}

} // namespace

std::string write_prediction(const Prediction& prediction) {
    const auto head = json::serialize(head_of(prediction));
    const std::uint64_t length = head.size();
    std::string out(length_size, '\0');
    std::memcpy(out.data(), &length, length_size);
    out += head;
    const json::value result(prediction.result);
    const auto append = [&](const double& number) {
        out.append(reinterpret_cast<const char*>(&number), sizeof number);
    };
    visit_doubles(result, append);
    for (const auto& file : prediction.files) out += file.bytes;
    for (const auto& tensor : prediction.tensors) out += tensor.bytes;
    return out;
}

std::optional<Prediction> read_prediction(std::string_view text) {
    std::uint64_t length = 0;
    if (text.size() < length_size) return std::nullopt;
    std::memcpy(&length, text.data(), length_size);
    text.remove_prefix(length_size);
    if (length > text.size()) return std::nullopt;
    const auto head = parse_json(text.substr(0, length));
    if (!head || !head->is_object()) return std::nullopt;
    try {
        return assemble(head->get_object(), text.substr(length));
    } catch (const std::exception&) { // not what write_prediction() of this version writes
        return std::nullopt;
    }
}

} // namespace millrace::models
