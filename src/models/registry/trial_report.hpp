// What the trial of a model version found out, kept with the version. Pure value.
#pragma once
#include "base/json.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>

namespace millrace::models {

struct TrialReport {
    std::string runtime{};          // "libtorch 2.13.0"; empty when it was not known yet
    double load_ms = 0;             // loading, freezing, optimising
    double forward_ms = 0;          // one forward pass of one input, warm; 0 for a manifest without warm-up
    std::uint64_t memory_bytes = 0; // by which the worker grew
    std::string optimization{};     // "optimized", "frozen" or "plain"
    std::string note{};             // why not further; empty when nothing stopped it
    std::string precision{};        // "fp32" or "bf16"
    bool channels_last = false;
    int threads = 0, instances = 0; // of one forward pass; passes at a time. 0: from before that was told

    json::object to_json() const;
    static Result<TrialReport> parse(const std::string& text); // what to_json() gave
};

} // namespace millrace::models
