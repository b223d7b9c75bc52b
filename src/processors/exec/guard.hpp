// The guard: a small process between the daemon and a command, `millrace exec-guard …`, started by spawn.cpp and by
// nobody else. It makes the scratch folder, runs the command in it under its limits, and adopts whatever the command
// starts and leaves behind. When the command ends, or the daemon says so, or the daemon is gone, it kills all of that,
// removes the folder and reports. Being a process of one thread it may fork safely, and it outlives a daemon that is
// killed just long enough.
#pragma once
#include <cstdint>

namespace millrace::processors {

inline constexpr int guard_control = 3; // its socket to the daemon; 0 to 2 are the command's

// daemon → guard: ask the command to end (SIGTERM). The end of the stream: kill everything now.
inline constexpr char guard_terminate = 'T';

// guard → daemon, once, when nothing of the command is left.
struct GuardReport {
    enum class Kind : std::int32_t {
        ended,       // value: its status, as waitpid() gives it
        not_started, // value: errno
    };
    Kind kind = Kind::ended;
    std::int32_t value = 0;
};

// argv: "exec-guard", bytes of address space (0: no limit), the scratch folder, the command with its arguments. The
// command's environment is the guard's. Returns 0, or 2 for arguments that the daemon does not give.
int run_guard(int argc, char** argv);

} // namespace millrace::processors
