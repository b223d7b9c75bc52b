// Looks at the files of a database before it is opened, for what SQLite would pass over in silence: a log that ends
// before the last acknowledged commit, and a database that is missing, empty or without a schema beside what an
// installation has left. Opening would go on without what was lost; so the daemon does not start until somebody has
// decided (store.accept_damage).
#pragma once
#include "base/result.hpp"
#include "telemetry/log.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace millrace::store {

// Under the data lock, before a connection. The damage that was accepted, if there was any; conflict, with what to do,
// for damage that was not. Accepting keeps a copy of the log beside it, millrace.db-wal.damaged-<time>, and notes it in
// damage.accepted: as long as that note is there, files that no row names are left alone (Daemon::start), for they may
// be all that is left.
Result<std::optional<std::string>> check_files(const std::filesystem::path& data, bool accept, telemetry::Log& log);

// The same of a database that turned out to have no schema, before it gets one.
Result<std::optional<std::string>> check_new(const std::filesystem::path& data, bool accept);

} // namespace millrace::store
