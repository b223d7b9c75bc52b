#include "api/inference_metrics.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace millrace::api {
namespace {

using inference::ModelStatistics;
using Value = std::uint64_t (*)(const ModelStatistics&);

struct Family {
    const char *name, *type, *help, *more_labels;
    Value value;
};

std::uint64_t micros(const ModelStatistics::Duration& duration) { return duration.ns / 1000; }

constexpr std::array families{
    Family{"nv_inference_request_success", "counter", "Requests that were answered.", "", [](const ModelStatistics& s) { return s.success.count; }},
    Family{"nv_inference_request_failure", "counter", "Requests that failed.", ",reason=\"OTHER\"", [](const ModelStatistics& s) { return s.fail.count; }},
    Family{"nv_inference_count", "counter", "Rows that went through the model.", "", [](const ModelStatistics& s) { return s.inference_count; }},
    Family{"nv_inference_exec_count", "counter", "Forward passes; nv_inference_count over this is the mean batch.", "", [](const ModelStatistics& s) { return s.execution_count; }},
    Family{"nv_inference_request_duration_us", "counter", "Time from a request to its answer, in microseconds.", "", [](const ModelStatistics& s) { return micros(s.success) + micros(s.fail); }},
    Family{"nv_inference_queue_duration_us", "counter", "Time that requests waited, in microseconds.", "", [](const ModelStatistics& s) { return micros(s.queue); }},
    Family{"nv_inference_compute_input_duration_us", "counter", "Time of decoding inputs, in microseconds.", "", [](const ModelStatistics& s) { return micros(s.compute_input); }},
    Family{"nv_inference_compute_infer_duration_us", "counter", "Time of forward passes, in microseconds.", "", [](const ModelStatistics& s) { return micros(s.compute_infer); }},
    Family{"nv_inference_compute_output_duration_us", "counter", "Time of writing outputs, in microseconds.", "", [](const ModelStatistics& s) { return micros(s.compute_output); }},
    Family{"nv_inference_pending_request_count", "gauge", "Requests that wait or run now.", "", [](const ModelStatistics& s) { return s.pending; }},
    Family{"nv_cache_num_hits_per_model", "counter", "Requests that the result cache answered.", "", [](const ModelStatistics& s) { return s.cache_hit.count; }},
    Family{"nv_cache_num_misses_per_model", "counter", "Requests that the result cache could not answer.", "", [](const ModelStatistics& s) { return s.cache_miss.count; }},
};

} // namespace

std::string inference_metrics(const std::vector<ModelStatistics>& statistics, OrganizationId organization) {
    std::string out;
    for (const auto& family : families) {
        bool first = true;
        for (const auto& each : statistics) {
            if (each.version->organization != organization) continue;
            if (std::exchange(first, false)) fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", family.name, family.help, family.type);
            // Names and versions are made of letters that need no escaping (model::is_model_name).
            fmt::format_to(std::back_inserter(out), "{}{{model=\"{}\",version=\"{}\"{}}} {}\n", family.name, each.version->name, each.version->version,
                           family.more_labels, family.value(each));
        }
    }
    return out;
}

} // namespace millrace::api
