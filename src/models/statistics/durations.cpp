#include "models/statistics/durations.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::models {
namespace {

constexpr double least_ms = 0.01;
constexpr double per_octave = 4;

double lower_bound_ms(std::size_t bucket) {
    return bucket == 0 ? 0 : least_ms * std::exp2(static_cast<double>(bucket - 1) / per_octave);
}
double upper_bound_ms(std::size_t bucket) { return least_ms * std::exp2(static_cast<double>(bucket) / per_octave); }

} // namespace

void Durations::add(double ms) {
    if (!(ms >= 0)) ms = 0;
    std::size_t bucket = 0;
    if (ms > least_ms) bucket = static_cast<std::size_t>(std::ceil(std::log2(ms / least_ms) * per_octave));
    ++counts_[std::min(bucket, buckets - 1)];
    ++count_;
    sum_ms_ += ms;
}

void Durations::add(const Durations& other) {
    for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ms_ += other.sum_ms_;
}

double Durations::percentile_ms(double percent) const {
    if (count_ == 0) return 0;
    const double wanted = percent / 100 * static_cast<double>(count_);
    double before = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
        const double here = counts_[i];
        if (here > 0 && before + here >= wanted)
            return lower_bound_ms(i) + (upper_bound_ms(i) - lower_bound_ms(i)) * std::max(0.0, wanted - before) / here;
        before += here;
    }
    return upper_bound_ms(buckets - 1);
}

double Durations::count_above(double ms) const {
    double above = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
        const double low = lower_bound_ms(i), high = upper_bound_ms(i);
        if (ms <= low) above += counts_[i];
        else if (ms < high) above += counts_[i] * (high - ms) / (high - low);
    }
    return above;
}

json::object Durations::to_json() const {
    json::array filled;
    for (std::size_t i = 0; i < buckets; ++i)
        if (counts_[i] > 0) filled.push_back(json::array{i, counts_[i]});
    return {{"sum_ms", sum_ms_}, {"buckets", std::move(filled)}};
}

Durations Durations::from_json(const json::value& value) {
    Durations out;
    const auto* object = value.if_object();
    const auto* sum = object ? object->if_contains("sum_ms") : nullptr;
    const auto* filled = object ? object->if_contains("buckets") : nullptr;
    if (!sum || !sum->is_number() || !filled || !filled->is_array()) return out;
    for (const auto& each : filled->get_array()) {
        const auto* pair = each.if_array();
        if (!pair || pair->size() != 2) continue;
        boost::system::error_code no_bucket, no_count;
        const auto bucket = pair->at(0).to_number<std::size_t>(no_bucket);
        const auto count = pair->at(1).to_number<std::uint32_t>(no_count);
        if (no_bucket || no_count || bucket >= buckets) continue;
        out.counts_[bucket] += count;
        out.count_ += count;
    }
    out.sum_ms_ = sum->to_number<double>();
    return out;
}

} // namespace millrace::models
