// A submit's way into the store: prepared on any thread, then stored in the writer's transaction, which lets the
// dispatcher hear of it. Whoever makes jobs (the API, a schedule, a flow) goes these two steps.
#pragma once
#include "async/thread_pool.hpp"
#include "jobs/moves.hpp"
#include "jobs/processor.hpp"
#include "store/database.hpp"
#include "values/job.hpp"

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::jobs {

// A job whose content has been checked, with its queue's defaults filled in.
struct Prepared {
    values::Job job;
    Weights weights; // of who submits it
    std::optional<values::Unique> unique;
    std::vector<values::Dependency> depends_on;
    std::vector<Effect> effects;    // rows that belong to the job, written with it: its uploaded files
    std::vector<std::string> blobs; // that its payload names
    // A slot is kept for it: it is stored as running, under this token, and so need not be claimed in a write of its
    // own. Only a job that is ready, and neither unique nor a dependant.
    std::optional<std::int64_t> begin_with;
};

// Edges of one document, a flow or a batch, all together: it is stored in one transaction, and others wait for the
// writer.
constexpr std::size_t most_edges = 5000;

// Bytes of payloads from which on preparing goes to a pool: it parses them, and an io thread serves thousands of
// connections.
constexpr std::size_t large_payloads = 64 * 1024;

// What `check` makes of `bytes` of payloads: at once, or in the pool when they are large.
template <class Check>
awaitable<std::invoke_result_t<Check>> check_payloads(async::ThreadPool& pool, std::size_t bytes, Check check) {
    if (bytes < large_payloads) co_return check();
    co_return co_await pool.run(std::move(check));
}

// What the store keeps of it.
struct Stored {
    JobId id;
    values::JobState state; // scheduled, blocked or queued; or dead, when a parent had failed already
    std::string queue;
    bool duplicate = false; // nothing was stored: it is an earlier job with the same unique key
};

// In the writer's transaction. An error is returned before anything was written: unprocessable when a parent does not
// exist.
Result<Stored> store_job(store::OrganizationSession& tenant, const Prepared& prepared, Timestamp now);

} // namespace millrace::jobs
