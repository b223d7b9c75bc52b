// What becomes of a schedule whose time has come: its jobs, its next time, and the event about what it missed.
#include "base/crash_point.hpp"
#include "events/event_log.hpp"
#include "jobs/schedules/schedule_repository.hpp"
#include "jobs/schedules/schedule_runner.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

namespace millrace::jobs {
namespace {

using namespace std::chrono_literals;
using store::OrganizationSession;

constexpr auto later = 1h; // when a schedule that cannot be planned is looked at again

void tell_missed(OrganizationSession& tenant, const Schedule& schedule, const Due& due, Timestamp now) {
    const json::object data{{"name", schedule.name},
                            {"missed", name(schedule.missed)},
                            {"first", due.first.text()},
                            {"last", due.last.text()},
                            {"jobs", due.fire.size()}};
    events::write_event(tenant, "schedule.missed", schedule.id.text(), data, now);
}

} // namespace

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
                           [this, count, done](const std::exception_ptr& thrown, bool moved) {
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
