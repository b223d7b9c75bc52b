// Jobs in a real store, on the test's own thread, in a transaction that is taken back (unit/store/test_session.hpp).
#pragma once
#include "events/event_log.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/flows/dependency_repository.hpp"
#include "jobs/job_repository.hpp"
#include "jobs/submission/submission.hpp"
#include "unit/store/test_session.hpp"
#include "values/principal.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace millrace::jobs::test {

struct StoredJobs {
    store::test::TestSession transaction;
    store::SystemSession& session = transaction.get();
    OrganizationId organization = values::default_organization;
    Timestamp now = *Timestamp::parse("2026-05-04T10:20:00Z");
    EndRules rules;
    std::int64_t last_token = 100;

    store::OrganizationSession tenant() { return {session, organization}; }
    void pass(std::chrono::microseconds time) { now = now + time; }

    Prepared prepared() const {
        Prepared wanted;
        auto& job = wanted.job;
        job.id = JobId::make();
        job.organization = organization;
        job.kind = "echo";
        job.queue = "default";
        job.payload = job.tags = "{}";
        job.created_at = job.run_at = now;
        return wanted;
    }
    Result<Stored> try_store(Prepared wanted) {
        auto its = tenant();
        return store_job(its, wanted, now);
    }
    Stored in(const OrganizationId& its, Prepared wanted) {
        store::OrganizationSession tenant{session, its};
        return store_job(tenant, wanted, now).value();
    }
    Stored store(Prepared wanted) {
        auto stored = try_store(std::move(wanted));
        REQUIRE_MESSAGE(stored.has_value(), (stored ? "" : stored.error().detail));
        return std::move(*stored);
    }
    JobId submit() { return store(prepared()).id; }
    JobId submit_after(std::vector<values::Dependency> parents) {
        auto wanted = prepared();
        wanted.depends_on = std::move(parents);
        return store(std::move(wanted)).id;
    }

    std::optional<Lease> try_claim(JobId id, std::optional<std::chrono::milliseconds> external = std::nullopt) {
        return std::move(
            attempt_repository::claim(session, {{id, ++last_token}}, now, external, external ? "a worker" : "")
                .front());
    }
    Lease claim(JobId id, std::optional<std::chrono::milliseconds> external = std::nullopt) {
        auto lease = try_claim(id, external);
        REQUIRE(lease.has_value());
        return std::move(*lease);
    }
    Settled end(const Lease& lease, const Outcome& outcome, const values::RetryPolicy& policy = {},
                std::uint64_t random = 1ULL << 63) {
        const auto given = [random] { return random; }; // by default without jitter
        auto settled = end_attempt(session, lease, outcome, policy, rules, given, now);
        publish(session, settled);
        return settled;
    }
    Settled succeed(const Lease& lease) { return end(lease, Success{R"({"done":true})", {}}); }
    Settled fail(const Lease& lease, Failure::Kind kind = Failure::Kind::retryable) {
        return end(lease, Failure{kind, {"broken", "it broke"}, {}});
    }
    Settled run(JobId id) { return succeed(claim(id)); }
    Settled die(JobId id) { return fail(claim(id), Failure::Kind::permanent); }
    Settled cancel(JobId id) {
        Settled settled;
        auto its = tenant();
        end_job(its, id, values::JobState::cancelled, values::JobError{"cancelled", "by a test"}, now, settled);
        return settled;
    }

    values::Job job(JobId id) { return job_of(organization, id); }
    values::Job job_of(const OrganizationId& of, JobId id) {
        store::OrganizationSession its{session, of};
        auto found = job_repository::find(its, id);
        REQUIRE(found.has_value());
        return std::move(*found);
    }
    std::string state(JobId id) { return std::string{values::name(job(id).state)}; }
    std::vector<values::JobAttempt> attempts(JobId id) {
        auto its = tenant();
        return job_repository::attempts(its, id);
    }
    std::int64_t number(const char* sql) { return transaction.integer(sql); }
    std::vector<events::Event> events() {
        auto its = tenant();
        return events::events_after(its, 0, 1000);
    }
};

// The states that the jobs of a settlement came to, in its order: "succeeded queued".
inline std::string states(const Settled& settled) {
    std::string all;
    for (const auto& moved : settled.jobs) all += (all.empty() ? "" : " ") + std::string{values::name(moved.to)};
    return all;
}

} // namespace millrace::jobs::test
