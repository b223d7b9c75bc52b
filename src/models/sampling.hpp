// What of a prediction's outcome is counted. Pure.
#pragma once
#include "inference/prediction.hpp"
#include "models/counts.hpp"

#include <chrono>
#include <optional>

namespace millrace::models {

// Did the model itself do badly, rather than its input or what is around it?
inline bool is_fault_of_model(const inference::Failure& failure) {
    switch (failure.reason) {
    case inference::FailureReason::model_failed:
    case inference::FailureReason::quarantined:
    case inference::FailureReason::timed_out: return true;
    case inference::FailureReason::worker_lost: return failure.killed_worker;
    default: return false;
    }
}

// nullopt for what tells nothing of the version: a wrong input, a full queue, a withdrawn request. The label is borrowed
// from `outcome`.
inline std::optional<Sample> sample_of(const inference::Outcome& outcome, std::chrono::nanoseconds took) {
    Sample sample;
    sample.latency_ms = std::chrono::duration<double, std::milli>(took).count();
    if (!outcome) {
        if (!is_fault_of_model(outcome.error())) return std::nullopt;
        sample.error = true;
        return sample;
    }
    if (outcome->cached) return std::nullopt; // the version has done nothing
    sample.own_ms = outcome->decode_ms + outcome->infer_ms + outcome->encode_ms;
    if (const auto* label = outcome->result.if_contains("label"); label && label->is_string()) sample.label = label->get_string();
    return sample;
}

} // namespace millrace::models
