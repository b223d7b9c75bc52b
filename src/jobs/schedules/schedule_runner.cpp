#include "jobs/schedules/schedule_runner.hpp"

#include "base/crash_point.hpp"
#include "events/event_log.hpp"
#include "jobs/schedules/schedule_repository.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>

namespace millrace::jobs {
namespace {

using namespace std::chrono_literals;
using store::SystemSession;
using store::OrganizationSession;

constexpr auto tick = 1s;                  // between two looks at the wall clock, at most
constexpr int most_schedules = 100;        // looked at together
constexpr std::size_t most_firings = 1000; // on their way together, and those of one schedule more
constexpr auto later = 1h;                 // when a schedule that cannot be planned is looked at again
constexpr Timestamp never{INT64_MAX};

void tell_missed(OrganizationSession& tenant, const Schedule& schedule, const Due& due, Timestamp now) {
    const json::object data{{"name", schedule.name},
                            {"missed", name(schedule.missed)},
                            {"first", due.first.text()},
                            {"last", due.last.text()},
                            {"jobs", due.fire.size()}};
    events::write_event(tenant, "schedule.missed", schedule.id.text(), data, now);
}

} // namespace

ScheduleRunner::ScheduleRunner(store::Database& database, events::Feed& feed, const ScheduleTemplates& templates,
                               Clock& clock, telemetry::Log& log, telemetry::Metrics& metrics)
    : database_{database},
      templates_{templates},
      clock_{clock},
      log_{log},
      fired_total_{metrics.counter("millrace_schedule_firings_total",
                                   "Planned times of schedules that came, by what they gave", {{"outcome", "job"}})},
      failed_total_{metrics.counter("millrace_schedule_firings_total",
                                    "Planned times of schedules that came, by what they gave",
                                    {{"outcome", "refused"}})} {
    feed.subscribe<SchedulesChanged>([this](const auto&) { changed(); });
}

ScheduleRunner::~ScheduleRunner() { stop(); }

void ScheduleRunner::start() { ended_ = asio::co_spawn(thread_.at(0), run(), asio::use_future); }

void ScheduleRunner::stop() {
    stopping_ = true;
    changed();
    if (ended_.valid()) ended_.wait_for(10s);
    thread_.stop();
}

void ScheduleRunner::changed() {
    changed_ = true;
    asio::post(thread_.at(0), [this] { timer_.cancel(); });
}

// ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────

awaitable<void> ScheduleRunner::run() {
    while (!stopping_) {
        std::string failure;
        try {
            co_await look();
        } catch (const std::exception& e) {
            failure = e.what();
            earliest_ = clock_.now() + tick;
        }
        if (!failure.empty()) log_.error("schedules could not be looked at", {{"reason", failure}});
        if (!stopping_) co_await pause();
    }
}

awaitable<void> ScheduleRunner::pause() {
    const std::chrono::microseconds until_due{earliest_.micros - clock_.now().micros};
    timer_.expires_after(changed_ ? 0us : std::clamp<std::chrono::microseconds>(until_due, 1ms, tick));
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

bool ScheduleRunner::clock_went_back(Timestamp now) {
    const auto monotonic = std::chrono::duration_cast<std::chrono::microseconds>(clock_.monotonic().time_since_epoch());
    const auto before = std::exchange(wall_ahead_, now.micros - monotonic.count());
    return !before ||
           std::chrono::microseconds{*wall_ahead_ - *before} < -1s; // the first look: it may have, while nobody looked
}

awaitable<void> ScheduleRunner::look() {
    const Timestamp now = clock_.now();
    if (clock_went_back(now)) co_await replan(now);
    while (changed_.exchange(false) || earliest_ <= now) {
        auto nearest = [](SystemSession& session) -> Result<std::vector<Schedule>> {
            return schedule_repository::next(session, most_schedules);
        };
        const auto found = co_await database_.read(std::move(nearest));
        if (!found) {
            log_.warning("schedules could not be read; trying again", {{"reason", found.error().detail}});
            earliest_ = now + tick;
            co_return;
        }
        earliest_ = found->empty() ? never : *found->back().next_run_at;
        std::vector<Firing> firings;
        for (const auto& schedule : *found) {
            earliest_ = *schedule.next_run_at;
            if (earliest_ > now || firings.size() >= most_firings) break;
            for (auto& firing : firings_of(schedule, now)) firings.push_back(std::move(firing));
        }
        if (firings.empty()) co_return;
        const auto moved = co_await fire_all(std::move(firings));
        if (moved > 0) changed_ = true; // there may be more
        else earliest_ = now + tick;    // the store takes nothing
    }
}

// Where the clock was set back, or the rules of a zone have changed, plans made before are wrong.
awaitable<void> ScheduleRunner::replan(Timestamp now) {
    auto active = [](SystemSession& session) -> Result<std::vector<Schedule>> {
        return schedule_repository::active(session);
    };
    const auto schedules = co_await database_.read(std::move(active));
    std::vector<std::pair<Schedule, std::optional<Timestamp>>> wrong;
    if (!schedules) {
        wall_ahead_.reset(); // again at the next look
        co_return;
    }
    for (const auto& schedule : *schedules)
        if (const auto timetable = Timetable::of(schedule))
            if (const auto next = replanned(*timetable, schedule, now); next != schedule.next_run_at)
                wrong.emplace_back(schedule, next);
    if (wrong.empty()) co_return;
    for (const auto& [schedule, next] : wrong)
        log_.warning("a schedule was planned by another clock or other rules of its zone; planned anew",
                     {{"schedule", schedule.name},
                      {"was", schedule.next_run_at->text()},
                      {"is", next ? next->text() : "never"}});
    auto correct = [wrong = std::move(wrong)](SystemSession& session) -> Result<void> {
        for (const auto& [schedule, next] : wrong) {
            OrganizationSession tenant{session, schedule.organization};
            schedule_repository::move_on(tenant, schedule, *schedule.next_run_at, next);
        }
        return success();
    };
    const auto corrected = co_await database_.write(std::move(correct));
    if (!corrected) wall_ahead_.reset();
    changed_ = true;
}

// ── firing ───────────────────────────────────────────────────────────────────────────────────────────────────────

std::vector<ScheduleRunner::Firing> ScheduleRunner::firings_of(const Schedule& schedule, Timestamp now) {
    const auto shared = std::make_shared<const Schedule>(schedule);
    const Timestamp planned = *schedule.next_run_at;
    const auto timetable = Timetable::of(schedule);
    if (!timetable) { // the time-zone data has gone
        log_.warning("a schedule cannot be planned",
                     {{"schedule", schedule.name}, {"reason", timetable.error().detail}});
        return {{shared, planned, now + later, std::nullopt, std::nullopt, timetable.error().detail}};
    }
    const auto what = due(*timetable, schedule.missed, planned, now);
    const auto missed = what.all ? std::nullopt : std::optional{what};
    if (missed || what.fire.size() > 1)
        log_.warning("planned times of a schedule have passed by", {{"schedule", schedule.name},
                                                                    {"policy", name(schedule.missed)},
                                                                    {"first", what.first.text()},
                                                                    {"last", what.last.text()},
                                                                    {"jobs", what.fire.size()},
                                                                    {"each_gets_one", what.all}});
    if (what.fire.empty()) return {{shared, planned, what.then, std::nullopt, missed, {}}};
    std::vector<Firing> firings;
    for (std::size_t i = 0; i < what.fire.size(); ++i) {
        const bool last = i + 1 == what.fire.size();
        firings.push_back({shared,
                           i == 0 ? planned : what.fire[i],
                           last ? what.then : what.fire[i + 1],
                           what.fire[i],
                           i == 0 ? missed : std::nullopt,
                           {}});
    }
    return firings;
}

// All at once, in order: the writer commits them together, and each finds what the one before it has left.
awaitable<std::size_t> ScheduleRunner::fire_all(std::vector<Firing> firings) {
    struct Count {
        std::size_t left, moved;
    };
    const auto executor = co_await asio::this_coro::executor;
    auto start = [this, executor, all = std::move(firings)](std::function<void(std::size_t)> done) mutable {
        const auto count = std::make_shared<Count>(Count{all.size(), 0}); // shared by the firings
        for (auto& firing : all)
            asio::co_spawn(executor, fire(std::move(firing)),
                           [this, count, done](std::exception_ptr thrown, bool moved) {
                               if (thrown) log_.error("a schedule could not be fired");
                               count->moved += moved;
                               if (--count->left == 0) done(count->moved);
                           });
    };
    co_return co_await async::completion<std::size_t>(std::move(start));
}

awaitable<bool> ScheduleRunner::fire(Firing firing) {
    const Timestamp now = clock_.now();
    std::optional<Pending> pending;
    if (firing.planned) {
        auto prepared = templates_.prepare(*firing.schedule, *firing.planned, now);
        if (prepared) pending = std::move(*prepared);
        else firing.failure = prepared.error().detail;
    }
    struct Written {
        bool moved = false;
        std::string failure;
    };
    auto task = [firing, pending, now](OrganizationSession& tenant) -> Result<Written> {
        const auto& schedule = *firing.schedule;
        if (!schedule_repository::move_on(tenant, schedule, firing.expected, firing.next)) return Written{};
        if (firing.missed) tell_missed(tenant, schedule, *firing.missed, now);
        Written written{true, firing.failure};
        if (pending) {
            const auto job = pending->store(tenant, now);
            if (job) schedule_repository::fired(tenant, schedule.id, *firing.planned, job->id);
            else written.failure = job.error().detail;
        }
        if (!written.failure.empty())
            schedule_repository::not_fired(tenant, schedule.id, firing.planned.value_or(firing.expected),
                                           written.failure);
        crash_point("schedule.before_fire");
        return written;
    };
    const auto written = co_await database_.write(firing.schedule->organization, std::move(task));
    if (!written) {
        log_.warning("a schedule could not be fired; trying again",
                     {{"schedule", firing.schedule->name}, {"reason", written.error().detail}});
        co_return false;
    }
    if (!written->moved) co_return false;
    crash_point("schedule.after_fire");
    if (!written->failure.empty()) {
        failed_total_.add();
        log_.warning("a schedule gave no job", {{"schedule", firing.schedule->name}, {"reason", written->failure}});
    } else if (pending) {
        fired_total_.add();
    }
    co_return true;
}

} // namespace millrace::jobs
