// What of a prediction's outcome is counted, and against whom. Pure.
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

// How a prediction of a candidate ended, as its roll-out judges it: by what its user would have got from production.
enum class Judged {
    good,    // it answered
    worse,   // it gave nothing, and production did or might have: whatever the reason
    nothing, // this tells nothing of the candidate
};

// `failure`: of the candidate, or its refusal (`refused`: it was not asked). `production`: how production failed with
// the same input, nullptr where it answered or could not be asked any more.
//   A wrong input is nobody's fault, but only production can tell that it is wrong: a candidate that refuses what
//   production takes is worse. What fails with both in the same way, or finds the whole engine out of order, tells
//   nothing of either.
inline Judged judge(const inference::Failure& failure, bool refused, const inference::Failure* production) {
    if (failure.reason == inference::FailureReason::cancelled) return Judged::nothing;
    if (!production) return Judged::worse;
    const bool alike =
        refused || production->reason == failure.reason || production->reason == inference::FailureReason::bad_input;
    return alike ? Judged::nothing : Judged::worse;
}

// Of an answer that the version itself has made. The label is borrowed from `prediction`.
inline Sample sample_of(const inference::Prediction& prediction, std::chrono::nanoseconds took) {
    Sample sample;
    sample.latency_ms = std::chrono::duration<double, std::milli>(took).count();
    sample.own_ms = prediction.decode_ms + prediction.infer_ms + prediction.encode_ms;
    if (const auto* label = prediction.result.if_contains("label"); label && label->is_string())
        sample.label = label->get_string();
    return sample;
}

} // namespace millrace::models
