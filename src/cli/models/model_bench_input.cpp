#include "cli/models/model_bench_input.hpp"

#include "base/json_text.hpp"
#include "cli/body.hpp"
#include "cli/client.hpp"
#include "cli/models/kept_connection.hpp"
#include "cli/models/made_picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>

namespace millrace::cli {
namespace {

using values::Datatype;
using values::InputKind;

constexpr std::size_t variants = 16;        // requests that differ, where they are small enough
constexpr std::size_t most_kept = 64 << 20; // bytes of all of them, about
constexpr std::int64_t open_dimension = 64; // taken where the manifest leaves a size open

// One input of a single-input model, encoded as a person would send it.
struct Item {
    std::string media_type, bytes;
};

std::string text_item(const values::TextRule& rule, std::mt19937& random) {
    std::string text;
    for (int word = 0; word < std::max(1, rule.length / 4); ++word) {
        if (!text.empty()) text += ' ';
        if (!rule.vocabulary.empty()) text += rule.vocabulary[random() % rule.vocabulary.size()];
        else
            for (auto letters = 3 + random() % 6; letters > 0; --letters)
                text += static_cast<char>('a' + random() % 26);
    }
    return text;
}

std::string row_item(const std::vector<values::Column>& columns, std::mt19937& random) {
    json::object row;
    for (const auto& column : columns) {
        const double spread = static_cast<double>(random()) / static_cast<double>(std::mt19937::max()) * 2 - 1;
        if (column.categories.empty()) row[column.name] = column.mean + column.deviation * spread;
        else row[column.name] = column.categories[random() % column.categories.size()];
    }
    return json_text(row);
}

Item made_photograph(const values::ImageRule& rule, std::uint32_t seed) {
    if (rule.channels != 1 && rule.channels != 3)
        throw Failure{usage, "pictures with these bands cannot be made up: name files with --input"};
    const int any = rule.open() ? std::clamp(256, rule.least_side, rule.most_side) : 0;
    return {"image/png", made_picture(std::max({any, rule.width, rule.resize_width}),
                                      std::max({any, rule.height, rule.resize_height}), rule.channels, seed)};
}

Item made_item(const values::InputSpec& input, std::uint32_t seed) {
    std::mt19937 random{seed};
    switch (input.kind) {
    case InputKind::image: return made_photograph(input.image, seed);
    case InputKind::text: return {"text/plain", text_item(input.text, random)};
    case InputKind::row: return {"application/json", row_item(input.columns, random)};
    case InputKind::tensor: break;
    }
    throw std::logic_error{"tensors are made up elsewhere"};
}

template <class T>
void append(std::string& out, T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    out.append(raw, sizeof raw);
}

// From 0 to 1; of whole numbers 0 and 1, which fit an index, too.
void append_element(std::string& out, Datatype type, std::mt19937& random) {
    const auto fraction = static_cast<double>(random()) / static_cast<double>(std::mt19937::max());
    const auto bit = random() & 1;
    switch (type) {
    case Datatype::fp32: return append(out, static_cast<float>(fraction));
    case Datatype::fp64: return append(out, fraction);
    case Datatype::fp16: return append(out, static_cast<std::uint16_t>(bit ? 0x3c00 : 0));
    case Datatype::bf16: return append(out, static_cast<std::uint16_t>(bit ? 0x3f80 : 0));
    case Datatype::int64: return append(out, static_cast<std::int64_t>(bit));
    case Datatype::int32: return append(out, static_cast<std::int32_t>(bit));
    case Datatype::int16: return append(out, static_cast<std::int16_t>(bit));
    case Datatype::boolean:
    case Datatype::uint8:
    case Datatype::int8: return append(out, static_cast<std::uint8_t>(bit));
    }
}

// A request of the inference protocol: the JSON head, and behind it the binary tensors.
std::string protocol_request(const BenchTarget& target, json::array inputs, const std::string& tensors) {
    json::array outputs;
    for (const auto& each : target.manifest.outputs)
        outputs.push_back(json::object{{"name", each.name}, {"parameters", {{"binary_data", true}}}});
    const auto head = json_text(json::object{{"inputs", std::move(inputs)}, {"outputs", std::move(outputs)}});
    const auto version = target.version.empty() ? std::string{} : "/versions/" + encoded(target.version);
    return post_request(fmt::format("/v2/models/{}{}/infer", encoded(target.model), version),
                        {{"Content-Type", "application/octet-stream"},
                         {"Inference-Header-Content-Length", std::to_string(head.size())},
                         {"X-Measurement", "true"}},
                        head + tensors);
}

json::object announced(std::string_view name, std::string_view datatype, const values::Shape& shape,
                       std::size_t bytes) {
    return {{"name", name},
            {"datatype", datatype},
            {"shape", json::value_from(shape)},
            {"parameters", {{"binary_data_size", bytes}}}};
}

std::string tensor_request(const BenchTarget& target, std::size_t batch, std::uint32_t seed) {
    std::mt19937 random{seed};
    json::array inputs;
    std::string bytes;
    for (const auto& input : target.manifest.inputs) {
        auto shape = input.tensor.shape;
        std::replace(shape.begin(), shape.end(), std::int64_t{-1}, open_dimension);
        shape.insert(shape.begin(), static_cast<std::int64_t>(batch));
        const auto before = bytes.size();
        for (auto left = values::element_count(shape).value_or(0); left > 0; --left)
            append_element(bytes, input.tensor.datatype, random);
        inputs.push_back(
            announced(input.tensor.name, values::name(input.tensor.datatype), shape, bytes.size() - before));
    }
    return protocol_request(target, std::move(inputs), bytes);
}

// `first` and the items that follow it, beginning anew after the last.
std::string items_request(const BenchTarget& target, const std::vector<Item>& items, std::size_t first,
                          std::size_t batch) {
    if (batch == 1) {
        const auto& item = items[first % items.size()];
        const auto version = target.version.empty() ? std::string{} : "?version=" + encoded(target.version);
        return post_request(fmt::format("/api/v1/models/{}/predict{}", encoded(target.model), version),
                            {{"Content-Type", item.media_type}, {"X-Measurement", "true"}}, item.bytes);
    }
    std::string bytes;
    for (std::size_t i = 0; i < batch; ++i) {
        const auto& item = items[(first + i) % items.size()];
        append(bytes, static_cast<std::uint32_t>(item.bytes.size()));
        bytes += item.bytes;
    }
    const auto& name = target.manifest.inputs[target.manifest.first_given()].tensor.name;
    return protocol_request(target, {announced(name, "BYTES", {static_cast<std::int64_t>(batch)}, bytes.size())},
                            bytes);
}

std::vector<Item> read_items(const std::vector<std::filesystem::path>& files) {
    std::vector<Item> items;
    for (const auto& file : files) {
        Item item{media_type(file), {}};
        Body body;
        body.add_file(file);
        body.pump([&](std::span<const char> piece) {
            item.bytes.append(piece.data(), piece.size());
            return true;
        });
        items.push_back(std::move(item));
    }
    return items;
}

bool all_tensors(const values::Manifest& manifest) {
    return std::all_of(manifest.inputs.begin(), manifest.inputs.end(),
                       [](const auto& each) { return each.kind == InputKind::tensor; });
}

template <class Make>
std::vector<std::string> several(std::size_t count, const Make& make) {
    std::vector<std::string> requests;
    for (std::size_t size = 0; requests.size() < count && size < most_kept; size += requests.back().size())
        requests.push_back(make(static_cast<std::uint32_t>(requests.size())));
    return requests;
}

} // namespace

bool takes_batches(const values::Manifest& manifest, bool of_files) {
    return all_tensors(manifest) ? !of_files : manifest.given() == 1;
}

std::vector<std::string> bench_requests(const BenchTarget& target, const std::vector<std::filesystem::path>& files,
                                        std::size_t batch) {
    const auto& manifest = target.manifest;
    if (batch > 1 && !takes_batches(manifest, !files.empty()))
        throw Failure{usage, "inputs of this model go one a request: --batch 1"};
    if (files.empty() && all_tensors(manifest))
        return several(variants, [&](std::uint32_t i) { return tensor_request(target, batch, i); });
    if (files.empty() && manifest.given() > 1)
        throw Failure{usage, "inputs of several kinds cannot be made up: name files with --input"};
    auto items = read_items(files);
    for (std::uint32_t i = 0; files.empty() && i < std::max(variants, batch); ++i)
        items.push_back(made_item(manifest.inputs[manifest.first_given()], i));
    return several(std::max(items.size(), variants),
                   [&](std::uint32_t i) { return items_request(target, items, i, batch); });
}

} // namespace millrace::cli
