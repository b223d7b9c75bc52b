// The SQL of what model versions did. Called only inside store tasks.
#pragma once
#include "models/counts.hpp"
#include "store/sql.hpp"

#include <string>
#include <vector>

namespace millrace::models {

struct StoredCounts {
    OrganizationId organization;
    std::string model;
    int version = 0;
    Timestamp since;
    std::string counts; // JSON text
};

// Of all organisations, by time.
std::vector<StoredCounts> all_counts(store::SystemSession& session, Timestamp not_before);
void save_counts(store::SystemSession& session, const StoredCounts& row);
void forget_counts(store::SystemSession& session, Timestamp older_than);

} // namespace millrace::models
