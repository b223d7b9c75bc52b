#include "jobs/job_blobs.hpp"
#include "jobs/retention.hpp"
#include "unit/jobs/stored_jobs.hpp"

#include <fmt/format.h>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using values::JobState;

namespace {

const std::string first(64, 'a'), second(64, 'b');

JobId submit_with(StoredJobs& world, const std::string& payload) {
    auto wanted = world.prepared();
    wanted.job.payload = payload;
    wanted.blobs = job_blobs::named(parse_json(payload).value()).value();
    return world.store(std::move(wanted)).id;
}

std::string naming(const std::string& sha256) {
    return fmt::format(R"({{"deep":[{{"input":{{"blob":"{}"}}}}]}})", sha256);
}

void keep(StoredJobs& world, const std::string& sha256) {
    world.session.execute("INSERT INTO blobs (organization_id, sha256, size, media_type, created_at, owner) VALUES "
                          "($1, $2, 1, '', 0, 'job')",
                          {world.organization, sha256});
}

} // namespace

TEST_CASE("a job's payload says which blobs it needs, wherever they stand") {
    StoredJobs world;
    submit_with(world, naming(first));
    submit_with(world, fmt::format(R"({{"a":{{"blob":"{}"}},"b":{{"blob":"{}"}}}})", first, second));
    submit_with(world, R"({"blob":"no digest"})");
    submit_with(world, R"({"blob":7,"text":"\"blob\""})");
    CHECK(world.number("SELECT count(*) FROM job_blobs") == 3);
}

TEST_CASE("a blob that is there for jobs expires with the last of them") {
    StoredJobs world;
    keep(world, first);
    keep(world, second);
    const auto one = submit_with(world, naming(first)), other = submit_with(world, naming(first));
    auto its = world.tenant();
    job_blobs::add(its, one, second);
    world.die(one);
    world.die(other);
    Retention::delete_piece(world.session, std::vector{one}, world.now);
    CHECK(world.number("SELECT count(*) FROM blobs WHERE expires_at IS NOT NULL") == 1); // the second
    Retention::delete_piece(world.session, std::vector{other}, world.now);
    CHECK(world.number("SELECT count(*) FROM blobs WHERE expires_at IS NOT NULL") == 2);
    CHECK(world.number("SELECT count(*) FROM job_blobs") == 0);
}
