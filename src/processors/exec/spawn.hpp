// Starts the guard (guard.hpp) with its pipes.
#pragma once
#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "processors/exec/launch.hpp"

#include <sys/types.h>

namespace millrace::processors {

struct Spawned {
    pid_t pid = 0;      // the guard's; to be collected by the caller
    Descriptor process; // readable when it has ended (pidfd)
    Descriptor output, errors, control;
};

// Takes about a millisecond. unavailable when the machine gives no process or descriptor.
Result<Spawned> spawn_guard(const Launch& launch);

} // namespace millrace::processors
