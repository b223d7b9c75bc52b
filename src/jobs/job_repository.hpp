// The SQL of jobs as people see them: what waits and runs is in one table, what has ended in another. Every function
// runs inside a store task.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "jobs/page.hpp"
#include "store/database.hpp"
#include "values/job.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs::job_repository {

void insert(store::OrganizationSession& session, const values::Job& job);
void insert_ended(store::OrganizationSession& session, const values::Job& job,
                  Timestamp now); // dead from the beginning

std::optional<values::Job> find(store::OrganizationSession& session, JobId id);
std::optional<values::JobState> find_state(store::OrganizationSession& session, JobId id); // without its payload
std::vector<values::JobAttempt> attempts(store::OrganizationSession& session, JobId id);
std::vector<values::Dependency> dependencies(store::OrganizationSession& session, JobId id);

struct Filter {
    std::optional<values::JobState> state;
    std::optional<std::string> kind, queue;
    std::optional<std::pair<std::string, std::string>> tag;
    std::optional<FlowId> flow;
    std::string id_begins; // with these characters of its text; empty: any
    std::optional<Timestamp> created_after, created_before;
    std::optional<JobId> before; // the cursor: only jobs made earlier than this one
    int limit = 50;
};
// Newest first; payload and result included. One look: a page may be short or empty though there is a next one. A
// cursor says nothing of other organisations' jobs but up to which time they were passed over.
using JobPage = Page<values::Job, JobId>;
JobPage list(store::OrganizationSession& session, const Filter& filter, Timestamp now, int most_rows = rows_of_a_look);
// What of a job counts as bytes of a page.
std::size_t shown_bytes(const values::Job& job);

// The tag as it stands in a stored JSON object: "name":"value".
std::string stored_tag(const std::pair<std::string, std::string>& tag);

// The condition that `tags` has the one that stored_tag() gave for `parameter`, or that none is asked for. Exact to the
// letter, in any database: LIKE takes `abc` for `ABC` in some. A quotation mark inside a name or value is stored with a
// backslash, so what follows a brace or a comma is a whole tag.
#define MILLRACE_HAS_TAG(parameter)                                                                             \
    "(" parameter " = '' OR replace(tags, '{' || " parameter ", '') <> tags OR replace(tags, ',' || " parameter \
    ", '') <> tags)"

// The stored answer of an earlier request with the same key, or nullopt after storing this one.
struct StoredAnswer {
    std::string payload_sha256, body;
    int status = 0;
};
// Of either scope, the first before the other.
std::optional<StoredAnswer> find_request(store::OrganizationSession& session, const std::string& scope,
                                         const std::string& other_scope, const std::string& key);
void remember_request(store::OrganizationSession& session, const std::string& scope, const std::string& key,
                      const StoredAnswer& answer, Timestamp now);
// At most so many of the oldest; says how many. The rest is for another transaction, so that nobody waits long for the
// writer.
std::int64_t forget_requests(store::SystemSession& session, Timestamp older_than, int most);

// The job that was made last with a unique key, wherever it is now.
std::optional<values::Job> find_unique(store::OrganizationSession& session, const std::string& key);
// Kept for the longest period that it was given with, at least for a while; a job that has not ended keeps it in any
// case.
void remember_unique(store::OrganizationSession& session, const std::string& key, JobId id,
                     std::optional<std::chrono::microseconds> period, Timestamp now);
// Forgets, or puts off where the job has not ended, so many at most; how many.
std::int64_t forget_unique(store::SystemSession& session, Timestamp now, int most);

// A row of either table, its columns in the order of MILLRACE_JOB_COLUMNS / MILLRACE_FINISHED_COLUMNS.
values::Job read_job(store::Rows& rows);

} // namespace millrace::jobs::job_repository
