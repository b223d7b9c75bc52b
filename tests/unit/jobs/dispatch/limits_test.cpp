// When jobs are over, and that the memory of it follows the jobs that live.
#include "jobs/dispatch/limits.hpp"
#include "unit/jobs/dispatch/waiting_jobs.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

Limit limit(std::uint32_t job, std::int64_t at) { return {Timestamp{at}, job_id(job), organization(1)}; }

std::vector<JobId> ids(const std::vector<Limit>& limits) {
    std::vector<JobId> all;
    for (const auto& each : limits) all.push_back(each.id);
    return all;
}

} // namespace

TEST_CASE("limits come in the order of their times, those of one time in the order of submission") {
    Limits limits;
    for (const std::uint32_t job : {4u, 2u, 3u, 1u}) limits.set(limit(job, job == 4 ? 5 : 10));
    CHECK(limits.next() == Timestamp{5});
    CHECK(limits.take_due(Timestamp{4}, 100).empty());
    CHECK(ids(limits.take_due(Timestamp{10}, 3)) == std::vector{job_id(4), job_id(1), job_id(2)});
    CHECK(ids(limits.take_due(Timestamp{10}, 3)) == std::vector{job_id(3)});
    CHECK(limits.empty());
    CHECK_FALSE(limits.next());
}

TEST_CASE("a job has one limit, the last that was set, and none when it has ended") {
    Limits limits;
    limits.set(limit(1, 10));
    limits.set(limit(1, 20));
    CHECK(limits.take_due(Timestamp{19}, 100).empty());
    limits.set(limit(1, 20));
    CHECK(limits.take_due(Timestamp{20}, 100).size() == 1);
    limits.set(limit(2, 10));
    limits.forget(job_id(2));
    limits.forget(job_id(2));
    CHECK_FALSE(limits.next());
    limits.set(limit(2, 30)); // it was retried
    CHECK(limits.next() == Timestamp{30});
}

TEST_CASE("jobs that end long before their limit leave nothing behind") {
    Limits limits;
    limits.set(limit(0, 500));
    for (std::uint32_t job = 1; job <= 100'000; ++job) {
        limits.set(limit(job, 1'000'000));
        if (job > 10) limits.forget(job_id(job - 10));
    }
    CHECK(limits.size() < 5000);
    CHECK(ids(limits.take_due(Timestamp{500}, 100)) == std::vector{job_id(0)});
    CHECK(limits.take_due(Timestamp{1'000'000}, 100).size() == 10);
}
