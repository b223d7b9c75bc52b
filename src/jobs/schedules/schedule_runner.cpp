#include "jobs/schedules/schedule_runner.hpp"

#include "jobs/schedules/schedule_repository.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
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
constexpr Timestamp never{INT64_MAX};

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

} // namespace millrace::jobs
