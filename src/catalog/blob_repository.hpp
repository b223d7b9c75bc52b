// The SQL of the blobs' rows. Called only inside store tasks.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "store/sql.hpp"

#include <optional>
#include <string>
#include <vector>

namespace millrace::catalog::blob_repository {

// conflict, with who uses it; not_found.
Result<void> remove(store::OrganizationSession& session, const std::string& sha256, Timestamp now);

struct Expired {
    OrganizationId organization;
    std::string sha256;
};
// The oldest that are over their time, `most` of them.
std::vector<Expired> find_expired(store::SystemSession& session, Timestamp now, int most);
// Deletes the row, or, where jobs refer to the blob, keeps it for as long as they do.
void expire(store::SystemSession& session, const Expired& blob, Timestamp now);

// Files that no organisation has any more, larger than `after` by name; and the end of that.
std::vector<std::string> find_removals(store::SystemSession& session, const std::string& after, int most);
// Unless somebody has it.
void want_removal(store::SystemSession& session, const std::string& sha256, Timestamp now);
bool has_keys(store::SystemSession& session); // whether anybody ever was to use this database
bool has_row(store::SystemSession& session, const std::string& sha256);

struct Removal {
    bool needed = false; // somebody has it again
    Timestamp since;
};
std::optional<Removal> find_removal(store::SystemSession& session, const std::string& sha256);
// Unless it was wanted anew since.
void forget_removal(store::SystemSession& session, const std::string& sha256, Timestamp since);

} // namespace millrace::catalog::blob_repository
