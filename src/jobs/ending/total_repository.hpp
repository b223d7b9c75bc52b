// How many jobs have ended, by queue, kind and state, since the store was made: counted in the transactions that end
// them, so that nothing ever counts the past. Queues and kinds are words that clients choose: an organisation has so
// many rows, and the smallest of those beyond are added up in one without queue and kind. Inside store tasks.
#pragma once
#include "base/id.hpp"
#include "store/database.hpp"
#include "values/job.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::jobs::total_repository {

constexpr int most_rows = 10'000; // of one organisation, after a sweep

struct Key {
    OrganizationId organization;
    std::string queue, kind;
    values::JobState state;
};

struct Total {
    OrganizationId organization;
    std::string queue, kind; // both empty: of those that were added up
    values::JobState state = values::JobState::succeeded;
    std::int64_t jobs = 0, run_us = 0;
};

void add(store::SystemSession& session, const OrganizationId& organization, std::string_view queue,
         std::string_view kind, values::JobState state, std::int64_t jobs, std::int64_t run_us);
void each(store::SystemSession& session, const std::function<void(const Total&)>& visit);

// Rows beyond `most` of each organisation, those with the fewest jobs, so many at once; on a reader, for it goes
// through all.
std::vector<Key> surplus(store::SystemSession& session, int most, int at_once);
// Adds them to the row of their organisation and state that has no queue and no kind.
void fold(store::SystemSession& session, const std::vector<Key>& rows);

} // namespace millrace::jobs::total_repository
