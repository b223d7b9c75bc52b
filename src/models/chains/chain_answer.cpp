#include "models/chains/chain_answer.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace millrace::models {
namespace {

constexpr std::array<std::string_view, 6> told_by_chain{"model",    "model_version", "batch_size",
                                                        "queue_ms", "infer_ms",      "cached"};

double rounded(double value) { return std::round(value * 1000) / 1000; }

} // namespace

json::object without_times(const json::object& result) {
    json::object rest;
    for (const auto& [name, value] : result)
        if (std::find(told_by_chain.begin(), told_by_chain.end(), std::string_view{name.data(), name.size()}) ==
            told_by_chain.end())
            rest[name] = value;
    return rest;
}

void ChainAnswer::add(const values::Step& step, std::span<const inference::Prediction> predictions,
                      std::optional<std::size_t> crops) {
    inference::Prediction longest;
    bool cached = !predictions.empty();
    for (const auto& each : predictions) {
        longest.queue_ms = std::max(longest.queue_ms, each.queue_ms);
        longest.decode_ms = std::max(longest.decode_ms, each.decode_ms);
        longest.infer_ms = std::max(longest.infer_ms, each.infer_ms);
        longest.encode_ms = std::max(longest.encode_ms, each.encode_ms);
        longest.batch_size = std::max(longest.batch_size, each.batch_size);
        tokens_ += each.tokens;
        cached = cached && each.cached;
    }
    if (cached)
        longest.queue_ms = longest.decode_ms = longest.infer_ms = longest.encode_ms =
            0; // it took none of the times that are kept with it
    queue_ms_ += longest.queue_ms;
    decode_ms_ += longest.decode_ms;
    infer_ms_ += longest.infer_ms;
    encode_ms_ += longest.encode_ms;
    if (!predictions.empty()) {
        batch_size_ = longest.batch_size;
        cached_ = cached_ && cached;
    }
    json::object said{{"name", step.name}, {"model", step.model}, {"model_version", std::to_string(step.version)}};
    if (crops) said["crops"] = *crops;
    said["batch_size"] = longest.batch_size;
    said["queue_ms"] = longest.queue_ms;
    said["infer_ms"] = longest.infer_ms;
    if (cached) said["cached"] = true;
    steps_.push_back(std::move(said));
}

inference::Prediction ChainAnswer::finish(inference::Prediction last) && {
    last.tokens = tokens_;
    last.batch_size = batch_size_;
    last.queue_ms = rounded(queue_ms_);
    last.decode_ms = rounded(decode_ms_);
    last.infer_ms = rounded(infer_ms_);
    last.encode_ms = rounded(encode_ms_);
    last.cached = cached_;
    auto result = without_times(last.result);
    result["steps"] = std::move(steps_);
    result["model"] = chain_.name;
    result["model_version"] = chain_.version;
    result["batch_size"] = last.batch_size;
    result["queue_ms"] = last.queue_ms;
    result["infer_ms"] = last.infer_ms;
    if (cached_) result["cached"] = true;
    last.result = std::move(result);
    return last;
}

} // namespace millrace::models
