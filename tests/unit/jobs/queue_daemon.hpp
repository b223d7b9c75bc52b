// The queue as the daemon has it, with its dispatcher's thread and a SQLite store in a folder of its own; the clock and
// the one processor are the test's.
#pragma once
#include "events/event_log.hpp"
#include "jobs/dead_letters.hpp"
#include "jobs/flows.hpp"
#include "jobs/job_service.hpp"
#include "jobs/leases.hpp"
#include "jobs/queues.hpp"
#include "unit/async/run.hpp"
#include "unit/jobs/fake_clock.hpp"
#include "unit/jobs/puppet.hpp"
#include "unit/store/test_database.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <thread>

namespace millrace::jobs::test {

using namespace std::chrono_literals;

struct QueueDaemon {
    explicit QueueDaemon(DispatcherOptions its = {}) : options{std::move(its)} {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-queue-XXXXXX").string();
        data = ::mkdtemp(pattern.data());
        begin();
    }
    ~QueueDaemon() {
        end();
        std::filesystem::remove_all(data);
    }
    QueueDaemon(const QueueDaemon&) = delete;
    QueueDaemon& operator=(const QueueDaemon&) = delete;

    // It dies, and another begins: what is not in the store is gone.
    void die() {
        end();
        begin();
    }
    void stop(std::chrono::milliseconds patience = 0ms) { dispatcher->stop(patience); }

    template <class T>
    T run(awaitable<T> work) {
        return async::test::run(std::move(work));
    }
    // Until the dispatcher has done what is to be done now: messages, writes, their consequences.
    void settle() {
        for (int turn = 0; turn < 6; ++turn) {
            snapshot();
            database->write_blocking([](store::SystemSession&) -> Result<void> { return success(); });
        }
        snapshot();
    }
    QueueSnapshot snapshot() { return run(dispatcher->snapshot()); }
    void pass(std::chrono::microseconds time) {
        clock.pass(time);
        tick();
    }
    void tick() {
        dispatcher->start();
        settle();
    }

    static values::NewJob job(std::string queue = "default") {
        values::NewJob wanted;
        wanted.kind = "puppet";
        wanted.queue = std::move(queue);
        wanted.retry.emplace().jitter = 0; // 1, 2 and 4 seconds
        return wanted;
    }
    Result<Accepted> try_submit(values::NewJob wanted, std::optional<IdempotentRequest> request = std::nullopt) {
        return run(jobs->submit(who, {JobId::make(), std::move(wanted), std::move(request), {}}));
    }
    JobId submit(values::NewJob wanted = job()) {
        const auto accepted = try_submit(std::move(wanted));
        REQUIRE_MESSAGE(accepted.has_value(), (accepted ? "" : accepted.error().detail));
        settle();
        return accepted->id;
    }
    values::Job find(JobId id) {
        auto found = run(jobs->find(who.organization, id));
        REQUIRE(found.has_value());
        REQUIRE(found->has_value());
        return std::move(**found);
    }
    std::string state(JobId id) { return std::string{values::name(find(id).state)}; }
    std::vector<values::JobAttempt> attempts(JobId id) {
        return run(jobs->detail(who.organization, id)).value()->attempts;
    }
    bool finish(JobId id, Outcome outcome = Success{"\"done\"", {}}) {
        const bool ran = puppet.finish(id, std::move(outcome));
        settle();
        return ran;
    }
    void set(const std::string& queue, values::QueueSettings settings) {
        REQUIRE(run(queues->set(who, queue, std::move(settings))).has_value());
        settle();
    }
    void pause(const std::string& queue = "default") {
        REQUIRE(run(queues->pause(who, queue, "a test", std::nullopt)).has_value());
        settle();
    }
    void resume(const std::string& queue = "default") {
        REQUIRE(run(queues->resume(who, queue)).has_value());
        settle();
    }
    // Its rules are taken over without a write, which would wait behind a held store.
    void set_rules_unstored(QueueRules rules, const std::string& queue = "default") {
        store::Changes changes;
        changes.append(RulesSet{dispatcher->table().queue(who.organization, queue), std::move(rules)});
        feed->on_commit()(changes);
        snapshot();
    }
    std::vector<events::Event> events() {
        return database
            ->read_blocking([this](store::SystemSession& session) -> Result<std::vector<events::Event>> {
                store::OrganizationSession tenant{session, who.organization};
                return events::events_after(tenant, 0, 1000);
            })
            .value();
    }
    std::int64_t number(store::Sql sql) {
        return database
            ->read_blocking([sql](store::SystemSession& session) -> Result<std::int64_t> {
                auto rows = session.query(sql);
                rows.next();
                return rows.integer(0);
            })
            .value();
    }
    // While it lives, nothing is written: what is asked for waits, in order.
    struct HeldStore {
        explicit HeldStore(store::Database& database) {
            database.post_write(
                [gate = gate.get_future().share()](store::SystemSession&) -> Result<void> {
                    gate.wait();
                    return success();
                },
                [](Result<void>) {});
        }
        ~HeldStore() { gate.set_value(); }
        std::promise<void> gate;
    };

    std::filesystem::path data;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1}; // nowhere
    telemetry::Metrics metrics;
    FakeClock clock;
    DispatcherOptions options;
    async::ThreadPool pool{"pool", 1, 64};
    Puppet puppet;
    std::unique_ptr<events::Feed> feed;
    std::unique_ptr<store::Database> database;
    std::unique_ptr<Dispatcher> dispatcher;
    std::unique_ptr<JobService> jobs;
    std::unique_ptr<Flows> flows;
    std::unique_ptr<DeadLetters> dead_letters;
    std::unique_ptr<Queues> queues;
    std::unique_ptr<Leases> leases;
    values::Principal who{
        .organization = values::default_organization, .actor = {}, .name = "test", .role = values::Role::operator_};

private:
    void begin() {
        feed = std::make_unique<events::Feed>();
        auto opened =
            store::test::open_database({.data = data, .on_commit = feed->on_commit(), .on_failure = {}}, log, metrics);
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().detail));
        database = std::move(*opened);
        dispatcher = std::make_unique<Dispatcher>(*database, *feed, clock, log, metrics, options);
        puppet.open();
        dispatcher->add(puppet);
        const auto recovered = dispatcher->recover();
        REQUIRE_MESSAGE(recovered.has_value(), (recovered ? "" : recovered.error().detail));
        jobs = std::make_unique<JobService>(*database, *dispatcher, clock, pool);
        flows = std::make_unique<Flows>(*database, *jobs, *dispatcher, clock, pool);
        dead_letters = std::make_unique<DeadLetters>(*database, *dispatcher, clock);
        queues = std::make_unique<Queues>(*database, *dispatcher, clock);
        leases = std::make_unique<Leases>(*database, *dispatcher, clock);
        tick();
    }
    void end() {
        database->close(); // before the dispatcher goes, to which it reports
        puppet.close();
        dispatcher.reset();
        database.reset();
    }
};

} // namespace millrace::jobs::test
