// How a model is served: batches, limits, execution, warm-up, cache, fallback, and what its author measured.
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "values/manifest_reader.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::values {
namespace {

constexpr std::size_t most_warm_ups = 32, most_buckets = 64;

bool is_open(const InputSpec& input) { return std::ranges::count(input.tensor.shape, -1) > 0; }

void read_padding(Part& part, Manifest& m) {
    part.only({"buckets", "value"});
    Padding padding{part.integers("buckets", 1, 1 << 24, most_buckets), part.number("value", -1e30, 1e30).value_or(0)};
    if (part.ok() && padding.buckets.empty()) part.refuse("\"buckets\" is missing or empty");
    if (!std::is_sorted(padding.buckets.begin(), padding.buckets.end(), std::less_equal<>{}))
        part.refuse("\"buckets\" must rise");
    if (std::none_of(m.inputs.begin(), m.inputs.end(), is_open))
        part.refuse("no input has an open dimension (-1) that could be filled up");
    for (const auto& input : m.inputs)
        if (is_open(input) && input.tensor.datatype != Datatype::fp32 && input.tensor.datatype != Datatype::fp64 &&
            input.tensor.datatype != Datatype::bf16 &&
            (padding.value != std::trunc(padding.value) || std::abs(padding.value) > 127))
            part.refuse("\"value\" must be an integer from -127 to 127 for the input \"{}\" of {}", input.tensor.name,
                        name(input.tensor.datatype));
    m.batching.padding = std::move(padding);
}

void read_batching(Part& part, Manifest& m) {
    part.only({"max_batch", "max_delay_ms", "padding"});
    m.batching.max_batch = static_cast<int>(part.integer("max_batch", 1, 1024).value_or(1));
    m.batching.max_delay_ms = part.number("max_delay_ms", 0, 1000).value_or(0);
    if (auto padding = part.part("padding")) read_padding(*padding, m);
}

void read_limits(Part& part, Manifest& m) {
    part.only({"max_input_bytes", "timeout_seconds"});
    m.max_input_bytes = static_cast<std::uint64_t>(
        part.integer("max_input_bytes", 1, std::int64_t{1} << 30).value_or(std::int64_t{1} << 20));
    m.timeout_seconds = part.number("timeout_seconds", 0.01, 3600).value_or(30);
}

void read_execution(Part& part, Execution& execution) {
    part.only({"threads", "instances", "weight", "precision", "channels_last", "tolerance"});
    execution.threads = static_cast<int>(part.integer("threads", 0, 1024).value_or(0));
    execution.instances = static_cast<int>(part.integer("instances", 0, 64).value_or(0));
    execution.weight = part.number("weight", 0.01, 100).value_or(execution.weight);
    execution.precision = part.choice_or("precision", precision_names(), Precision::fp32);
    execution.channels_last = part.truth("channels_last").value_or(false);
    execution.tolerance = part.number("tolerance", 0, 1).value_or(execution.tolerance);
}

void read_warm_up(Part& root, WarmUp& warm_up) {
    const auto* value = root.value("warm_up");
    if (!value || value->is_bool()) {
        warm_up.enabled = !value || value->get_bool();
        return;
    }
    if (!value->is_object()) return root.refuse("\"warm_up\" must be true, false or an object with \"inputs\"");
    auto part = root.part("warm_up");
    part->only({"inputs"});
    const auto* inputs = part->value("inputs");
    if (!inputs || !inputs->is_array() || inputs->get_array().size() > most_warm_ups)
        return part->refuse("\"inputs\" must be an array of at most {} inputs as a prediction takes them",
                            most_warm_ups);
    for (const auto& input : inputs->get_array()) {
        if (!input.is_object() && !input.is_array())
            return part->refuse("\"inputs\" must be objects or arrays, as a prediction takes them in JSON");
        warm_up.inputs.push_back(json_text(input));
    }
}

void read_fallback(Part& part, Manifest& m) {
    part.only({"model", "version"});
    ModelName fallback{part.text("model", 64).value_or(""), part.text("version", 32)};
    if (!is_model_name(fallback.model)) part.refuse("\"model\" must be the name of a model");
    if (fallback.version && !is_model_version(*fallback.version)) part.refuse("\"version\" must be a version");
    if (fallback.model == m.name && !fallback.version)
        part.refuse("the model cannot be its own fallback; name another, or one of its versions");
    m.fallback = std::move(fallback);
}

void read_accuracy(Part& part, Manifest& m) {
    part.only({"held_out", "metric", "samples", "note"});
    if (!part.has("held_out")) part.refuse("\"held_out\" is missing");
    Accuracy accuracy;
    accuracy.held_out = part.number("held_out", -1e9, 1e9).value_or(0);
    accuracy.samples = part.integer("samples", 0, std::int64_t{1} << 53).value_or(0);
    accuracy.metric = part.text("metric", 64).value_or("accuracy");
    accuracy.note = part.text("note", 2048).value_or("");
    m.accuracy = std::move(accuracy);
}

json::value warm_up_json(const WarmUp& warm_up) {
    if (!warm_up.enabled || warm_up.inputs.empty()) return warm_up.enabled;
    json::array inputs;
    for (const auto& text : warm_up.inputs) inputs.push_back(parse_json(text).value());
    return json::object{{"inputs", std::move(inputs)}};
}

json::object execution_json(const Execution& execution) {
    const Execution plain;
    json::object object;
    if (execution.threads != plain.threads) object["threads"] = execution.threads;
    if (execution.instances != plain.instances) object["instances"] = execution.instances;
    if (execution.weight != plain.weight) object["weight"] = execution.weight;
    if (execution.precision != plain.precision) object["precision"] = name(execution.precision);
    if (execution.channels_last) object["channels_last"] = true;
    if (execution.tolerance != plain.tolerance) object["tolerance"] = execution.tolerance;
    return object;
}

void write_fallback(const Manifest& m, json::object& root) {
    if (!m.fallback) return;
    json::object fallback{{"model", m.fallback->model}};
    if (m.fallback->version) fallback["version"] = *m.fallback->version;
    root["fallback"] = std::move(fallback);
}

void write_accuracy(const Manifest& m, json::object& root) {
    if (m.accuracy)
        root["accuracy"] = {{"held_out", m.accuracy->held_out},
                            {"metric", m.accuracy->metric},
                            {"samples", m.accuracy->samples},
                            {"note", m.accuracy->note}};
}

} // namespace

void read_serving(Part& root, Manifest& m) {
    if (auto part = root.part("batching")) read_batching(*part, m);
    if (auto part = root.part("limits")) read_limits(*part, m);
    if (auto part = root.part("execution")) read_execution(*part, m.execution);
    const auto buffers = root.has("buffers") ? root.text("buffers", 16).value_or("") : "own";
    if (buffers != "own" && buffers != "shared") root.refuse("\"buffers\" must be own or shared");
    m.buffers_shared = buffers == "shared";
    if (m.buffers_shared && root.has("cache"))
        root.refuse("a model with shared \"buffers\" cannot have a \"cache\": equal inputs have different answers");
    read_warm_up(root, m.warm_up);
    if (auto part = root.part("cache")) {
        part->only({"seconds"});
        if (!part->has("seconds")) part->refuse("\"seconds\" is missing");
        m.cache_for = std::chrono::seconds{part->integer("seconds", 1, 31'536'000).value_or(1)};
    }
    if (auto part = root.part("fallback")) read_fallback(*part, m);
    m.isolation = root.choice_or("isolation", isolation_names(), Isolation::shared);
    if (auto part = root.part("accuracy")) read_accuracy(*part, m);
}

void read_chain_serving(Part& root, Manifest& m) {
    if (auto part = root.part("fallback")) read_fallback(*part, m);
    if (auto part = root.part("accuracy")) read_accuracy(*part, m);
}

void write_serving(const Manifest& m, json::object& root) {
    json::object batching{{"max_batch", m.batching.max_batch}, {"max_delay_ms", m.batching.max_delay_ms}};
    if (m.batching.padding)
        batching["padding"] = {{"buckets", json::value_from(m.batching.padding->buckets)},
                               {"value", m.batching.padding->value}};
    root["batching"] = std::move(batching);
    root["limits"] = {{"max_input_bytes", m.max_input_bytes}, {"timeout_seconds", m.timeout_seconds}};
    if (auto execution = execution_json(m.execution); !execution.empty()) root["execution"] = std::move(execution);
    if (m.buffers_shared) root["buffers"] = "shared";
    root["warm_up"] = warm_up_json(m.warm_up);
    if (m.cache_for) root["cache"] = {{"seconds", m.cache_for->count()}};
    write_fallback(m, root);
    if (m.isolation != Isolation::shared) root["isolation"] = name(m.isolation);
    write_accuracy(m, root);
}

void write_chain_serving(const Manifest& m, json::object& root) {
    write_fallback(m, root);
    write_accuracy(m, root);
}

} // namespace millrace::values
