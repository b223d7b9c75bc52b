// Flows: jobs that belong together, submitted as one document in one transaction, with a progress of their own and a
// callback job after the last. Thread-safe.
#pragma once
#include "jobs/job_service.hpp"
#include "values/principal.hpp"

#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

struct FlowEdge {
    std::string parent; // a ref of the same document
    values::OnFailure on_failure = values::OnFailure::fail;
};

struct FlowStep {
    std::string ref; // unique in the document
    values::NewJob job;
    std::vector<FlowEdge> depends_on;
};

struct NewFlow {
    std::string name;
    std::vector<FlowStep> steps;            // 1 to 1,000
    std::optional<values::NewJob> callback; // begins when all steps have ended, however
};

struct Flow {
    FlowId id;
    std::string name;
    Timestamp created_at;
    std::optional<Timestamp> finished_at;
    std::optional<JobId> callback;
    int jobs = 0, succeeded = 0, failed = 0;
};

struct FlowNode {
    JobId id;
    std::string ref, kind, queue;
    values::JobState state;
    int attempt = 0, progress_percent = 0;
    bool callback = false;
};

struct FlowLink {
    JobId parent, child;
    values::OnFailure on_failure = values::OnFailure::fail;
};

struct FlowGraph {
    Flow flow;
    std::vector<FlowNode> nodes;
    std::vector<FlowLink> edges;
};

class Flows {
public:
    // `pool` checks payloads that take long to parse.
    Flows(store::Database& database, JobService& jobs, Dispatcher& dispatcher, Clock& clock, async::ThreadPool& pool)
        : database_{database},
          jobs_{jobs},
          dispatcher_{dispatcher},
          clock_{clock},
          pool_{pool} {}

    // unprocessable: a ref twice or unknown, a circle (it is named), or a job that could not be submitted alone. A key
    // that was answered before gives the flow that it made, as it is now.
    awaitable<Result<FlowGraph>> submit(values::Principal who, NewFlow flow,
                                        std::optional<IdempotentRequest> idempotency);
    awaitable<Result<std::optional<FlowGraph>>> find(OrganizationId organization, FlowId id);
    awaitable<Result<std::vector<Flow>>> list(OrganizationId organization, std::optional<FlowId> before,
                                              int limit); // newest first
    // Cancels what has not ended; how many.
    awaitable<Result<std::size_t>> cancel(values::Principal who, FlowId id);

private:
    struct Ready {
        Flow flow;
        std::vector<Prepared> jobs; // parents before children, the callback last
    };
    awaitable<Result<FlowGraph>> refuse(OrganizationId organization, std::optional<IdempotentRequest> request,
                                        Error why);
    Result<Ready> prepare(const values::Principal& who, NewFlow asked, Timestamp now) const;

    store::Database& database_;
    JobService& jobs_;
    Dispatcher& dispatcher_;
    Clock& clock_;
    async::ThreadPool& pool_;
};

} // namespace millrace::jobs
