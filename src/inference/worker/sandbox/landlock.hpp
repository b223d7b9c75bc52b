// Landlock (since Linux 5.13): access to files as this process may have it from now on. Kernel interface only.
#pragma once
#include <filesystem>
#include <vector>

namespace millrace::inference::worker {

// The version of the interface; 0 where the kernel has none.
int landlock_version();

// Denies every access to files except reading below `readable`, and using the device files `devices`. Applies to the
// calling thread and to threads that it starts later. False when the kernel refuses.
bool landlock_read_only(const std::vector<std::filesystem::path>& readable,
                        const std::vector<std::filesystem::path>& devices = {});

} // namespace millrace::inference::worker
