// How a program's end is judged. Pure.
#pragma once
#include "jobs/processor.hpp"
#include "processors/exec/exec.hpp"
#include "processors/exec/program.hpp"

namespace millrace::processors {

// nullopt: success, which is exit status 0. 64 and 65 (EX_USAGE, EX_DATAERR) blame the input, so that it is not tried
// again; 75 (EX_TEMPFAIL) and every other is tried again. The error's code is exit_N or signal_N where there is no
// better word.
std::optional<jobs::Failure> failure_of(const ExecCommand& command, const Finished& finished);

} // namespace millrace::processors
