// The last step of a move to SQLite: the file that was filled becomes the database of the folder.
#pragma once
#include <filesystem>

namespace millrace::store {

// In one rename, under the folder's lock and with no connection to either file. The database that was there, which is
// known to be retired, stays beside it as millrace.db.moved-<time>. Throws DatabaseError.
void put_in_place(const std::filesystem::path& filled, const std::filesystem::path& data);

} // namespace millrace::store
