// A machine without a runtime keeps its models and settings for one that has it. Any thread.
#pragma once
#include "inference/engine.hpp"

namespace millrace::models {

// Whether the engine could not check or load a model because no worker can run here.
inline bool no_runtime(const inference::Engine& engine, const Error& error) {
    return error.code == Code::unavailable && engine.status().state == "unavailable";
}

} // namespace millrace::models
