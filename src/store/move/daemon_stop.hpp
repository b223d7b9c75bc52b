// The daemon of a data folder, as a move meets it: it holds the folder's lock.
#pragma once
#include "store/data_lock.hpp"

#include <chrono>

namespace millrace::store {

// Tells the daemon that holds the lock to stop, and takes the lock when it has. conflict: another program holds it;
// timed_out: it has not stopped in time; forbidden: this user may not stop it.
Result<DataLock> stop_daemon(const std::filesystem::path& data, std::chrono::milliseconds patience);

} // namespace millrace::store
