#include "api/protocol/protocol_model.hpp"

#include <fmt/format.h>

namespace millrace::api::protocol {
namespace {

constexpr std::string_view platform = "pytorch_libtorch";

json::object tensor_metadata(const values::TensorSpec& spec) {
    json::array shape{-1};
    for (const auto dimension : spec.shape) shape.push_back(dimension);
    return {{"name", spec.name}, {"datatype", values::name(spec.datatype)}, {"shape", std::move(shape)}};
}

json::object tensor_config(const values::TensorSpec& spec) {
    return {{"name", spec.name},
            {"data_type", fmt::format("TYPE_{}", values::name(spec.datatype))},
            {"dims", json::value_from(spec.shape)}};
}

json::object duration(const inference::ModelStatistics::Duration& d) { return {{"count", d.count}, {"ns", d.ns}}; }

// Only the forward passes are timed by batch size.
json::array batches(const inference::ModelStatistics& statistics) {
    json::array out;
    for (const auto& [size, forward] : statistics.batches) {
        const json::object untimed{{"count", forward.count}, {"ns", 0}};
        out.push_back(json::object{{"batch_size", size},
                                   {"compute_input", untimed},
                                   {"compute_infer", duration(forward)},
                                   {"compute_output", untimed}});
    }
    return out;
}

} // namespace

json::object server_metadata(std::string_view version) {
    return {{"name", "millrace"},
            {"version", version},
            {"extensions", json::array{"binary_tensor_data", "classification", "model_configuration",
                                       "model_repository", "parameters", "schedule_policy", "statistics"}}};
}

json::object model_metadata(std::string_view name, const std::vector<std::string>& versions,
                            const values::Manifest& manifest) {
    json::array inputs, outputs;
    for (const auto& input : manifest.inputs) inputs.push_back(tensor_metadata(input.tensor));
    for (const auto& output : manifest.outputs) outputs.push_back(tensor_metadata(output));
    return {{"name", name},
            {"versions", json::value_from(versions)},
            {"platform", platform},
            {"inputs", std::move(inputs)},
            {"outputs", std::move(outputs)}};
}

json::object model_config(std::string_view name, const values::Manifest& manifest, std::string_view device) {
    json::array inputs, outputs;
    for (const auto& input : manifest.inputs) {
        auto each = tensor_config(input.tensor);
        each["format"] = "FORMAT_NONE";
        each["is_shape_tensor"] = false;
        each["allow_ragged_batch"] = false;
        each["optional"] = input.optional || (input.kind == values::InputKind::text &&
                                              input.text.part != values::TextPart::ids); // made of the text
        inputs.push_back(std::move(each));
    }
    for (const auto& output : manifest.outputs) {
        auto each = tensor_config(output);
        each["label_filename"] = "";
        each["is_shape_tensor"] = false;
        outputs.push_back(std::move(each));
    }
    const auto kind = device.starts_with("cuda") ? "KIND_GPU" : "KIND_CPU";
    const json::object batching{{"preferred_batch_size", json::array{}},
                                {"max_queue_delay_microseconds",
                                 static_cast<std::uint64_t>(manifest.batching.max_delay_ms * 1000)}};
    json::object config{{"name", name}, {"platform", platform}, {"backend", "pytorch"}};
    config["max_batch_size"] = manifest.batching.max_batch;
    config["input"] = std::move(inputs);
    config["output"] = std::move(outputs);
    config["dynamic_batching"] = batching;
    config["instance_group"] = json::array{json::object{
        {"name", fmt::format("{}_0", name)}, {"kind", kind}, {"count", std::max(1, manifest.execution.instances)}}};
    config["response_cache"] = json::object{{"enable", manifest.cache_for.has_value()}};
    config["parameters"] = json::object{};
    return config;
}

json::object model_statistics(std::string_view name, std::string_view version,
                              const inference::ModelStatistics* statistics) {
    static const inference::ModelStatistics none{};
    const auto& s = statistics ? *statistics : none;
    return {{"name", name},
            {"version", version},
            {"last_inference", s.last_inference.micros / 1000},
            {"inference_count", s.inference_count},
            {"execution_count", s.execution_count},
            {"inference_stats", json::object{{"success", duration(s.success)},
                                             {"fail", duration(s.fail)},
                                             {"queue", duration(s.queue)},
                                             {"compute_input", duration(s.compute_input)},
                                             {"compute_infer", duration(s.compute_infer)},
                                             {"compute_output", duration(s.compute_output)},
                                             {"cache_hit", duration(s.cache_hit)},
                                             {"cache_miss", duration(s.cache_miss)}}},
            {"batch_stats", batches(s)}};
}

} // namespace millrace::api::protocol
