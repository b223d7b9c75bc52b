// Schedules over a real SQLite store, with a clock that the test sets and a queue that only stores.
#pragma once
#include "base/json_text.hpp"
#include "jobs/schedules.hpp"
#include "unit/async/run.hpp"
#include "unit/jobs/fake_clock.hpp"
#include "unit/store/test_database.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace millrace::jobs::test {

// Stores a bare row; refuses when told so.
class FakeSubmitter final : public Submitter {
public:
    Result<Pending> prepare(const values::Principal& who, values::NewJob job, Timestamp) override {
        if (refusal) return *refusal;
        return Pending{[this, who, job](store::OrganizationSession& tenant, Timestamp now) -> Result<Stored> {
            if (store_refusal) return *store_refusal;
            Stored stored{JobId::make(), values::JobState::queued, "default"};
            tenant.execute(
                "INSERT INTO jobs (organization_id, id, created_by, kind, queue, resource, state, priority, payload, "
                "tags, attempt, max_attempts, timeout_us, created_at, run_at) "
                "VALUES ($1, $2, $3, $4, 'default', '', 'queued', 5, '{}', $5, 0, 4, 1, $6, $6)",
                {stored.id, who.actor.is_nil() ? std::string{} : who.actor.text(), job.kind, json::serialize(job.tags),
                 now});
            tenant.publish(Submitted{});
            return stored;
        }};
    }
    // What it stores, as the change feed tells it.
    struct Submitted {};

    std::optional<Error> refusal, store_refusal;
    std::atomic<int> announced{0}; // heard of after their commit
};

inline Result<values::NewJob> read_plain_job(std::string_view text) {
    const auto document = parse_json(text);
    const auto* object = document ? document->if_object() : nullptr;
    if (!object || !object->contains("kind")) return Error{Code::unprocessable, "\"kind\" is missing"};
    values::NewJob job;
    job.kind = object->at("kind").as_string();
    if (const auto* tags = field(*object, "tags")) job.tags = tags->as_object();
    if (field(*object, "run_at")) job.run_at = Timestamp{1};
    return job;
}

struct ScheduleWorld {
    ScheduleWorld() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-schedules-XXXXXX").string();
        data = ::mkdtemp(pattern.data());
        reopen();
    }
    ~ScheduleWorld() {
        runner.reset();
        schedules.reset();
        database->close();
        std::filesystem::remove_all(data);
    }
    // As a daemon that starts: nothing is known but what is stored.
    void reopen() {
        runner.reset();
        schedules.reset();
        database.reset();
        feed = std::make_unique<events::Feed>();
        auto opened =
            store::test::open_database({.data = data, .on_commit = feed->on_commit(), .on_failure = {}}, log, metrics);
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().detail));
        database = std::move(*opened);
        feed->subscribe<FakeSubmitter::Submitted>([this](const auto&) { ++submitter.announced; });
        runner = std::make_unique<ScheduleRunner>(*database, *feed, templates, clock, log, metrics);
        schedules = std::make_unique<Schedules>(*database, *feed, submitter, read_plain_job, clock, log, metrics);
    }

    template <class T>
    T run(awaitable<T> work) {
        return async::test::run(std::move(work));
    }
    void look() { run(runner->look()); }

    static NewSchedule asked(const std::string& cron, Missed missed = Missed::run_once,
                             const std::string& zone = "UTC") {
        return {"nightly", cron, zone, missed, R"({"kind":"echo"})"};
    }
    ScheduleId create(const NewSchedule& wanted) {
        const auto answer = run(schedules->create(who, wanted, std::nullopt, [](const Schedule&) { return "{}"; }));
        REQUIRE_MESSAGE(answer.has_value(), (answer ? "" : answer.error().detail));
        return *ScheduleId::parse(answer->id);
    }
    Error refused(const NewSchedule& wanted) {
        const auto answer = run(schedules->create(who, wanted, std::nullopt, [](const Schedule&) { return "{}"; }));
        REQUIRE(!answer.has_value());
        return answer.error();
    }
    Schedule schedule(ScheduleId id) {
        const auto found = run(schedules->find(who.organization, id));
        REQUIRE(found.has_value());
        REQUIRE(found->has_value());
        return **found;
    }
    std::string next(ScheduleId id) {
        const auto at = schedule(id).next_run_at;
        return at ? at->text().substr(0, 16) : "never";
    }
    // The planned times of the jobs there are, in the order of their submission.
    std::vector<std::string> jobs() {
        return database
            ->read_blocking([](store::SystemSession& session) -> Result<std::vector<std::string>> {
                std::vector<std::string> times;
                auto rows = session.query("SELECT tags FROM jobs ORDER BY id");
                while (rows.next())
                    times.push_back(std::string{json::parse(rows.text(0)).at("planned_at").as_string()}.substr(0, 16));
                return times;
            })
            .value();
    }
    std::vector<json::object> events() {
        return database
            ->read_blocking([](store::SystemSession& session) -> Result<std::vector<json::object>> {
                std::vector<json::object> all;
                auto rows = session.query("SELECT data FROM events WHERE type = 'schedule.missed' ORDER BY id");
                while (rows.next()) all.push_back(json::parse(rows.text(0)).as_object());
                return all;
            })
            .value();
    }

    std::filesystem::path data;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1}; // nowhere
    telemetry::Metrics metrics;
    FakeClock clock; // 2026-05-04T10:20:00Z, a Monday
    FakeSubmitter submitter;
    ScheduleTemplates templates{submitter, read_plain_job};
    std::unique_ptr<events::Feed> feed;
    std::unique_ptr<store::Database> database;
    std::unique_ptr<ScheduleRunner> runner; // looked at by hand; the one of `schedules` is not started
    std::unique_ptr<Schedules> schedules;
    values::Principal who{
        .organization = values::default_organization, .actor = {}, .name = "test", .role = values::Role::operator_};
};

using Times = std::vector<std::string>;

} // namespace millrace::jobs::test
