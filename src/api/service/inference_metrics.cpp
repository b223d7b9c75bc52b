#include "api/service/inference_metrics.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace millrace::api {
namespace {

using inference::ModelStatistics;
using Value = std::uint64_t (*)(const ModelStatistics&);

struct Family {
    const char *name, *type, *help;
    Value value;
};

std::uint64_t micros(const ModelStatistics::Duration& duration) { return duration.ns / 1000; }

constexpr std::array families{
    Family{"nv_inference_request_success", "counter", "Requests that were answered.",
           [](const ModelStatistics& s) { return s.success.count; }},
    Family{"nv_inference_count", "counter", "Rows that went through the model.",
           [](const ModelStatistics& s) { return s.inference_count; }},
    Family{"nv_inference_exec_count", "counter", "Forward passes; nv_inference_count over this is the mean batch.",
           [](const ModelStatistics& s) { return s.execution_count; }},
    Family{"nv_inference_request_duration_us", "counter", "Time from a request to its answer, in microseconds.",
           [](const ModelStatistics& s) { return micros(s.success) + micros(s.fail); }},
    Family{"nv_inference_queue_duration_us", "counter", "Time that requests waited, in microseconds.",
           [](const ModelStatistics& s) { return micros(s.queue); }},
    Family{"nv_inference_compute_input_duration_us", "counter", "Time of decoding inputs, in microseconds.",
           [](const ModelStatistics& s) { return micros(s.compute_input); }},
    Family{"nv_inference_compute_infer_duration_us", "counter", "Time of forward passes, in microseconds.",
           [](const ModelStatistics& s) { return micros(s.compute_infer); }},
    Family{"nv_inference_compute_output_duration_us", "counter", "Time of writing outputs, in microseconds.",
           [](const ModelStatistics& s) { return micros(s.compute_output); }},
    Family{"nv_inference_pending_request_count", "gauge", "Requests that wait or run now.",
           [](const ModelStatistics& s) { return s.pending; }},
    Family{"nv_cache_num_hits_per_model", "counter", "Requests that the result cache answered.",
           [](const ModelStatistics& s) { return s.cache_hit.count; }},
    Family{"nv_cache_num_misses_per_model", "counter", "Requests that the result cache could not answer.",
           [](const ModelStatistics& s) { return s.cache_miss.count; }},
};

// Triton's four words for why.
const char* reason_of(inference::FailureReason reason) {
    using inference::FailureReason;
    switch (reason) {
    case FailureReason::unavailable:
    case FailureReason::quarantined:
    case FailureReason::timed_out: return "REJECTED";
    case FailureReason::cancelled: return "CANCELED";
    case FailureReason::model_failed:
    case FailureReason::worker_lost: return "BACKEND";
    case FailureReason::bad_input: break;
    }
    return "OTHER";
}

void open_family(std::string& out, const char* name, const char* type, const char* help) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

// Names and versions are made of letters that need no escaping (values::is_model_name).
void append_line(std::string& out, const char* name, const inference::ModelVersion& version,
                 const std::string& more_labels, std::uint64_t value) {
    fmt::format_to(std::back_inserter(out), "{}{{model=\"{}\",version=\"{}\"{}}} {}\n", name, version.name,
                   version.version, more_labels, value);
}

void append_failures(std::string& out, const std::vector<const ModelStatistics*>& models) {
    const auto* name = "nv_inference_request_failure";
    open_family(out, name, "counter", "Requests that failed, by reason.");
    for (const auto* model : models) {
        std::map<std::string, std::uint64_t> counts{{"REJECTED", 0}, {"CANCELED", 0}, {"BACKEND", 0}, {"OTHER", 0}};
        for (const auto& [reason, count] : model->failures) counts[reason_of(reason)] += count;
        for (const auto& [reason, count] : counts)
            append_line(out, name, *model->version, fmt::format(",reason=\"{}\"", reason), count);
    }
}

} // namespace

std::string inference_metrics(const std::vector<ModelStatistics>& statistics, OrganizationId organization) {
    std::vector<const ModelStatistics*> models;
    for (const auto& each : statistics)
        if (each.version->organization == organization) models.push_back(&each);
    std::string out;
    if (models.empty()) return out;
    for (const auto& family : families) {
        open_family(out, family.name, family.type, family.help);
        for (const auto* model : models) append_line(out, family.name, *model->version, "", family.value(*model));
    }
    append_failures(out, models);
    return out;
}

} // namespace millrace::api
