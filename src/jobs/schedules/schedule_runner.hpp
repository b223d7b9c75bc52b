// Fires schedules when they are due. It looks at the wall clock at least once a second, so that a clock that jumps and
// a machine that slept are noticed. A firing is one transaction that inserts the job and moves next_run_at on from the
// value that was seen, so that it is applied once, whatever happens. Thread-safe.
#pragma once
#include "async/awaitable.hpp"
#include "async/io_pool.hpp"
#include "events/feed.hpp"
#include "jobs/schedules/schedule_template.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

// As the change feed tells it: schedules may be due earlier than was known.
struct SchedulesChanged {};

class ScheduleRunner {
public:
    // `feed` is that of `database`. Borrows everything. Starts no work.
    ScheduleRunner(store::Database& database, events::Feed& feed, const ScheduleTemplates& templates, Clock& clock,
                   telemetry::Log& log, telemetry::Metrics& metrics);
    ~ScheduleRunner(); // stop()

    void start();
    // Waits for the firings under way. Before the database is closed. Idempotent.
    void stop();

    // One look at the clock: fires what is due. start() does it again and again; tests call it by themselves.
    awaitable<void> look();

private:
    // One move of one schedule.
    struct Firing {
        std::shared_ptr<const Schedule> schedule; // shared by its firings
        Timestamp expected;                       // its next_run_at before
        std::optional<Timestamp> next;            // and after
        std::optional<Timestamp> planned;         // of the job that is submitted; nullopt: none is
        std::optional<Due> missed;                // operators are told what got no job
        std::string failure;                      // why it cannot fire
    };

    void changed(); // any thread
    awaitable<void> run();
    awaitable<void> pause();
    awaitable<void> replan(Timestamp now);
    std::vector<Firing> firings_of(const Schedule& schedule, Timestamp now);
    awaitable<std::size_t> fire_all(std::vector<Firing> firings); // how many moved their schedule on
    awaitable<bool> fire(Firing firing);
    bool clock_went_back(Timestamp now);

    store::Database& database_;
    const ScheduleTemplates& templates_;
    Clock& clock_;
    telemetry::Log& log_;
    telemetry::Counter &fired_total_, &failed_total_;

    std::atomic<bool> changed_{true}, stopping_{false};
    Timestamp earliest_; // when the next one is due
    std::optional<std::int64_t>
        wall_ahead_; // microseconds of the wall clock before the monotonic one, at the last look

    async::IoPool thread_{"schedules", 1};
    asio::steady_timer timer_{thread_.at(0)};
    std::future<void> ended_; // valid once started
};

} // namespace millrace::jobs
