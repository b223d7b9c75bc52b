#include "inference/worker/postprocess/postprocess_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace millrace::inference::worker {
namespace {

constexpr float rounding = 1e-3F; // by which the sum of half-precision probabilities may leave [0,1]

float probability(float value) {
    if (!(value >= -rounding && value <= 1 + rounding))
        throw OutputError{
            fmt::format("the model's output holds {}, which is no probability; a model that gives logits needs "
                        "postprocess softmax_top_k, or sigmoid without \"probabilities\"",
                        value)};
    return std::clamp(value, 0.0F, 1.0F);
}

// The k largest, the first of equal ones first.
std::vector<std::uint32_t> largest(std::span<const double> values, int k) {
    std::vector<std::uint32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0u);
    const auto count = std::min<std::size_t>(static_cast<std::size_t>(k), order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                      [&](auto a, auto b) { return values[a] != values[b] ? values[a] > values[b] : a < b; });
    order.resize(count);
    return order;
}

double logistic(float logit) { return 1 / (1 + std::exp(-static_cast<double>(logit))); } // also of infinities

} // namespace

void refuse_nan(std::span<const float> values) {
    if (std::any_of(values.begin(), values.end(), [](float v) { return std::isnan(v); }))
        throw OutputError{"the model's output is not a number (NaN), so no label can be told for this input"};
}

frame::TopK softmax_top_k(std::span<const float> logits, int k) {
    refuse_nan(logits);
    const float most = *std::max_element(logits.begin(), logits.end());
    std::vector<double> shares(logits.size());
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        shares[i] = logits[i] == most ? 1.0 : std::exp(static_cast<double>(logits[i]) - most); // also for infinities
        sum += shares[i];
    }
    frame::TopK result;
    for (const auto i : largest(shares, k)) result.ranked.push_back({i, static_cast<float>(shares[i] / sum)});
    return result;
}

frame::TopK top_k(std::span<const float> probabilities, int k) {
    refuse_nan(probabilities);
    std::vector<double> shares(probabilities.size());
    std::transform(probabilities.begin(), probabilities.end(), shares.begin(), probability);
    frame::TopK result;
    for (const auto i : largest(shares, k)) result.ranked.push_back({i, static_cast<float>(shares[i])});
    return result;
}

frame::Scores sigmoid(std::span<const float> values, const values::Manifest& manifest) {
    refuse_nan(values);
    std::vector<double> shares(values.size());
    std::transform(values.begin(), values.end(), shares.begin(), [&](float v) {
        return manifest.postprocess.probabilities ? static_cast<double>(probability(v)) : logistic(v);
    });
    frame::Scores result;
    if (values::decides_between_two(manifest)) result.values.push_back(static_cast<float>(1 - shares.front()));
    for (const double share : shares) result.values.push_back(static_cast<float>(share));
    return result;
}

frame::Scores plain_values(std::span<const float> values) {
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
        throw OutputError{"the model's output is not a finite number"};
    return {{values.begin(), values.end()}};
}

} // namespace millrace::inference::worker
