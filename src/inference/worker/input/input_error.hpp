// What is wrong with one input; ends that item alone. Thrown and caught inside the worker's preprocessing only.
#pragma once
#include <stdexcept>
#include <string>

namespace millrace::inference::worker {

struct InputError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace millrace::inference::worker
