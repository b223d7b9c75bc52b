// What a command started and left behind. Used by the guard, to whom it falls as their subreaper.
#pragma once

namespace millrace::processors {

// Kills and collects every process below this one, also those that made sessions of their own. Gives up after some
// seconds: a process may hang in the kernel.
void kill_descendants();

} // namespace millrace::processors
