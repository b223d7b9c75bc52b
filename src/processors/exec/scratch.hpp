// The folder that a command works in. Used by the guard.
#pragma once

namespace millrace::processors {

int make_scratch(const char* folder);    // and what is above it, for the owner alone; errno, or 0
void remove_scratch(const char* folder); // with all that is in it; links are not followed. Blocks

} // namespace millrace::processors
