// The port through which schedules submit jobs: the two steps of jobs/submission/submission.hpp, for callers that
// need not know who takes them. Thread-safe.
#pragma once
#include "jobs/submission/submission.hpp"
#include "store/database.hpp"
#include "values/job.hpp"
#include "values/principal.hpp"

#include <functional>
#include <memory>

namespace millrace::jobs {

class JobService;

// A job on its way. The function is called once.
struct Pending {
    // In the writer's transaction, which lets the queue hear of it. The job that stands for the firing: a new one, or
    // an earlier one with the same unique key. An error comes before anything has been written.
    std::function<Result<Stored>(store::OrganizationSession&, Timestamp now)> store;
};

class Submitter {
public:
    virtual ~Submitter() = default;
    // Any thread. unprocessable: it can never run here; unavailable: there is no room now.
    virtual Result<Pending> prepare(const values::Principal& who, values::NewJob job, Timestamp now) = 0;
};

// Into the queue of this daemon. Borrows `jobs`.
std::unique_ptr<Submitter> submit_to(JobService& jobs);

} // namespace millrace::jobs
