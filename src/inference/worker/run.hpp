// The worker's entry: `millrace worker …`, started by the engine and by nobody else.
#pragma once

namespace millrace::inference::worker {

// argv as main got it (argv[1] is "worker"). Returns the exit status: 0 when the daemon closed the channel, 1 when the
// worker could not start (told to the daemon first), 2 for arguments that the engine does not give.
int run(int argc, char** argv);

} // namespace millrace::inference::worker
