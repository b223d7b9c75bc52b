// The SQL of the contests between candidates and production versions, so that a restart keeps the judgement. Called
// only inside store tasks.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "store/sql.hpp"

#include <string>
#include <vector>

namespace millrace::models {

enum class ContestSide { production, candidate, before }; // before: of production, until the contest began

struct StoredContest {
    OrganizationId organization;
    std::string model;
    int revision = 0; // of the traffic that it belongs to
    ContestSide side = ContestSide::candidate;
    Timestamp since;
    std::string counts; // JSON text
};

// Of the present traffics of all organisations, by time; what is older than an hour only of `before`.
std::vector<StoredContest> all_contests(store::SystemSession& session, Timestamp not_before);
// Nothing happens once another traffic is set.
void save_contest(store::SystemSession& session, const StoredContest& row);
// Spans of the same contest that count no more.
void forget_spans(store::SystemSession& session, const StoredContest& row, Timestamp older_than);
void forget_contest(store::OrganizationSession& session, const std::string& model);

} // namespace millrace::models
