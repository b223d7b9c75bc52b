// No task holds the writer for long, whatever the data: counted in rows that one task changes, with a few thousand of
// each thing, or with as many as MILLRACE_TEST_ROWS says (1000000 for a long one).
#include "jobs/retention.hpp"
#include "jobs/sweeper.hpp"
#include "store/turn.hpp"
#include "unit/jobs/queue_daemon.hpp"

#include <cstdlib>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

int rows() {
    const char* wanted = std::getenv("MILLRACE_TEST_ROWS");
    return wanted ? std::atoi(wanted) : 2500;
}

constexpr std::uint64_t most_rows =
    6 * store::Turn::most; // a few for each job of a turn: one that fails with its parent changes five

struct Crowd : QueueDaemon {
    Crowd() : QueueDaemon{options_with_room()} {}
    static DispatcherOptions options_with_room() {
        DispatcherOptions options;
        options.max_backlog = 10'000'000;
        return options;
    }
    // By tasks that are small themselves.
    void fill(const std::function<void(store::SystemSession&, int)>& insert) {
        for (int from = 0; from < rows(); from += 500) {
            const auto done = database->write_blocking([&](store::SystemSession& session) -> Result<void> {
                for (int i = from; i < std::min(from + 500, rows()); ++i) insert(session, i);
                return success();
            });
            REQUIRE(done.has_value());
        }
    }
    JobId insert_ended(store::SystemSession& session, std::string_view state) {
        const auto id = JobId::make();
        session.execute("INSERT INTO finished_jobs (id, organization_id, created_by, kind, queue, resource, state, "
                        "priority, payload, tags, attempt, max_attempts, "
                        "timeout_us, created_at, run_at, finished_at) VALUES ($1, $2, '', 'puppet', 'default', '', $3, "
                        "5, '{}', '{}', 4, 4, 1000000, 1, 1, 1)",
                        {id, who.organization, state});
        return id;
    }
    void insert_blocked(store::SystemSession& session, JobId parent, std::string_view on_failure) {
        const auto id = JobId::make();
        session.execute("INSERT INTO jobs (id, organization_id, created_by, kind, queue, resource, state, priority, "
                        "payload, tags, attempt, max_attempts, timeout_us, "
                        "created_at, run_at, blocked_by) VALUES ($1, $2, '', 'puppet', 'default', '', 'blocked', 5, "
                        "'{}', '{}', 0, 4, 1000000, 1, 1, 1)",
                        {id, who.organization});
        session.execute(
            "INSERT INTO job_dependencies (parent_id, job_id, organization_id, on_failure) VALUES ($1, $2, $3, $4)",
            {parent, id, who.organization, on_failure});
    }
    template <class Done>
    void until(Done done) {
        for (int turn = 0; turn < 60'000 && !done(); ++turn) {
            tick();
            std::this_thread::sleep_for(1ms);
        }
        CHECK(done());
    }
};

} // namespace

TEST_CASE("what is forgotten by age is forgotten in turns") {
    Crowd crowd;
    crowd.fill([&](store::SystemSession& session, int i) {
        const auto name = std::to_string(i);
        session.execute("INSERT INTO idempotency_keys (organization_id, scope, key, payload_sha256, created_at) VALUES "
                        "($1, '', $2, '', 1)",
                        {crowd.who.organization, name});
        session.execute("INSERT INTO unique_keys (organization_id, unique_key, job_id, created_at, forget_at) VALUES "
                        "($1, $2, '', 1, 1)",
                        {crowd.who.organization, name});
        session.execute(
            "INSERT INTO events (organization_id, type, subject, data, created_at) VALUES ($1, 't', '', '{}', 1)",
            {crowd.who.organization});
    });
    Sweeper sweeper{*crowd.database, crowd.clock};
    while (crowd.run(sweeper.forget_keys_and_events())) {}
    CHECK(crowd.number("SELECT count(*) FROM idempotency_keys") == 0);
    CHECK(crowd.number("SELECT count(*) FROM unique_keys") == 0);
    CHECK(crowd.number("SELECT count(*) FROM events") == 0);
    CHECK(crowd.database->stats().most_rows <= most_rows);
}

TEST_CASE("dead letters are replayed and purged in turns, and a filter that fits none costs the writer nothing") {
    for (const bool purge : {false, true}) {
        Crowd crowd;
        crowd.pause();
        crowd.fill([&](store::SystemSession& session, int) { crowd.insert_ended(session, "dead"); });
        DeadFilter none;
        none.error_code = "there is none of it";
        const auto before = crowd.database->stats().writes;
        CHECK(crowd.run(crowd.dead_letters->purge(crowd.who, none)).value() == 0);
        CHECK(crowd.run(crowd.dead_letters->replay(crowd.who, {none, {}, {}})).value() == 0);
        CHECK(crowd.database->stats().writes == before);
        const auto done = purge ? crowd.run(crowd.dead_letters->purge(crowd.who, {}))
                                : crowd.run(crowd.dead_letters->replay(crowd.who, {}));
        CHECK(done.value() == static_cast<std::size_t>(rows()));
        CHECK(crowd.database->stats().most_rows <= most_rows);
    }
}

TEST_CASE("ended jobs past their time are deleted in turns") {
    for (const auto state : {values::JobState::succeeded, values::JobState::cancelled}) {
        Crowd crowd;
        crowd.fill([&](store::SystemSession& session, int) { crowd.insert_ended(session, values::name(state)); });
        crowd.clock.set(SystemClock::instance().now() + 48h); // ids carry the true time
        Retention retention{*crowd.database, crowd.clock, crowd.log, crowd.metrics, {{state, 24h}}};
        while (crowd.run(retention.piece())) {}
        CHECK(crowd.number("SELECT count(*) FROM finished_jobs") == 0);
        CHECK(crowd.database->stats().most_rows <= most_rows);
    }
}

TEST_CASE("all that wait for one job are released, or fail with it, in turns; a restart between goes on") {
    for (const bool succeeds : {true, false}) {
        Crowd crowd;
        const auto parent = crowd.submit();
        crowd.pause();
        crowd.fill([&](store::SystemSession& session, int) { crowd.insert_blocked(session, parent, "fail"); });
        crowd.finish(parent,
                     succeeds ? Outcome{Success{"1", {}}} : Outcome{failure("broken", Failure::Kind::permanent)});
        crowd.die();
        crowd.until([&] { return crowd.number("SELECT count(*) FROM jobs WHERE state = 'blocked'") == 0; });
        crowd.settle();
        CHECK(crowd.number("SELECT count(*) FROM job_dependencies WHERE settled = 0") == 0);
        CHECK(crowd.number("SELECT count(*) FROM unsettled_parents") == 0);
        const auto queued = crowd.number("SELECT count(*) FROM jobs WHERE state = 'queued'"),
                   dead = crowd.number("SELECT count(*) FROM finished_jobs WHERE state = 'dead'");
        CHECK(queued == (succeeds ? rows() : 0));
        CHECK(dead == (succeeds ? 0 : rows() + 1));
        CHECK(crowd.dispatcher->backlog() == static_cast<std::size_t>(queued));
        CHECK(crowd.snapshot().total.ended[values::JobState::dead] == dead);
        CHECK(crowd.database->stats().most_rows <= most_rows);
    }
}

TEST_CASE("a chain of jobs that fail with the first fails in turns, and waits on nothing that was retried") {
    Crowd crowd;
    const auto first = crowd.submit();
    const auto blocked = [&](JobId parent) {
        auto wanted = QueueDaemon::job();
        wanted.depends_on = {{parent, values::OnFailure::fail}};
        return crowd.try_submit(std::move(wanted)).value().id;
    };
    auto last = first;
    for (int i = 0; i < 100; ++i) last = blocked(last);
    crowd.settle();
    crowd.finish(first, failure("broken", Failure::Kind::permanent));
    crowd.until([&] { return crowd.state(last) == "dead"; });
    CHECK(crowd.number("SELECT count(*) FROM unsettled_parents") == 0);
    CHECK(crowd.dispatcher->backlog() == 0);
}

TEST_CASE("jobs outside that wait for each job of a cancelled flow fail in turns") {
    Crowd crowd;
    crowd.pause();
    NewFlow flow;
    for (int i = 0; i < 50; ++i) flow.steps.push_back({"step" + std::to_string(i), QueueDaemon::job(), {}});
    const auto made = crowd.run(crowd.flows->submit(crowd.who, std::move(flow), {})).value();
    crowd.settle();
    crowd.fill([&](store::SystemSession& session, int i) {
        crowd.insert_blocked(session, made.nodes[static_cast<std::size_t>(i % 50)].id, "fail");
    });
    CHECK(crowd.run(crowd.flows->cancel(crowd.who, made.flow.id)).value() == 50);
    crowd.until([&] { return crowd.number("SELECT count(*) FROM finished_jobs WHERE state = 'dead'") == rows(); });
    CHECK(crowd.number("SELECT count(*) FROM unsettled_parents") == 0);
    CHECK(crowd.database->stats().most_rows <= most_rows);
}
