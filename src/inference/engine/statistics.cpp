#include "inference/engine/statistics.hpp"

#include <cmath>

namespace millrace::inference {
namespace {

std::uint64_t nanoseconds(double ms) { return ms > 0 ? static_cast<std::uint64_t>(ms * 1e6) : 0; }

void add(ModelStatistics::Duration& duration, double ms) {
    ++duration.count;
    duration.ns += nanoseconds(ms);
}

} // namespace

void Statistics::waits(const ModelVersion& version, int change) {
    auto models = models_.lock();
    auto& pending = (*models)[key(version)].shown.pending;
    pending = static_cast<std::uint64_t>(static_cast<std::int64_t>(pending) + change);
}

void Statistics::succeeded(const std::shared_ptr<const ModelVersion>& version, const Answered& answered, Timestamp at) {
    auto models = models_.lock();
    auto& figures = (*models)[key(*version)];
    auto& shown = figures.shown;
    shown.version = version;
    shown.last_inference = at;
    shown.inference_count += static_cast<std::uint64_t>(answered.rows);
    add(shown.success, answered.total_ms);
    add(shown.queue, answered.queue_ms);
    add(shown.compute_input, answered.decode_ms);
    add(shown.compute_infer, answered.infer_ms);
    add(shown.compute_output, answered.encode_ms);
    // Each request answers for its rows of the pass that it was in.
    const double share = static_cast<double>(answered.rows) / std::max(1, answered.batch_rows);
    figures.passes += share;
    auto& [passes, ms] = figures.batches[answered.batch_rows];
    passes += share;
    ms += share * answered.infer_ms;
}

void Statistics::failed(const std::shared_ptr<const ModelVersion>& version, FailureReason reason, double total_ms) {
    auto models = models_.lock();
    auto& shown = (*models)[key(*version)].shown;
    shown.version = version;
    ++shown.failures[reason];
    if (reason != FailureReason::bad_input && reason != FailureReason::cancelled) add(shown.fail, total_ms);
}

void Statistics::cached(const std::shared_ptr<const ModelVersion>& version, bool hit, std::chrono::nanoseconds took) {
    auto models = models_.lock();
    auto& shown = (*models)[key(*version)].shown;
    shown.version = version;
    auto& duration = hit ? shown.cache_hit : shown.cache_miss;
    ++duration.count;
    duration.ns += static_cast<std::uint64_t>(took.count());
}

std::vector<ModelStatistics> Statistics::all() const {
    std::vector<ModelStatistics> list;
    const auto models = models_.lock();
    for (const auto& [name, figures] : *models) {
        if (!figures.shown.version) continue; // nothing has ended yet
        auto shown = figures.shown;
        shown.execution_count = static_cast<std::uint64_t>(std::llround(figures.passes));
        for (const auto& [rows, sums] : figures.batches)
            shown.batches[rows] = {static_cast<std::uint64_t>(std::llround(sums.first)), nanoseconds(sums.second)};
        list.push_back(std::move(shown));
    }
    return list;
}

} // namespace millrace::inference
