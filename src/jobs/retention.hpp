// How long ended jobs are kept: results for good unless somebody says otherwise. Deletes in small pieces on the writer,
// so that nobody waits behind it. Runs on its own timer.
#pragma once
#include "async/io_pool.hpp"
#include "base/clock.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "values/job.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::jobs {

struct RetentionOptions {
    std::map<values::JobState, std::chrono::hours> keep; // of ended jobs; a state that is not named is kept for good
    std::chrono::seconds every{600};
};

class Retention {
public:
    Retention(store::Database& database, Clock& clock, telemetry::Log& log, telemetry::Metrics& metrics,
              RetentionOptions options)
        : database_{database},
          clock_{clock},
          log_{log},
          options_{std::move(options)},
          deleted_{metrics.counter("millrace_jobs_deleted_total", "Ended jobs deleted by the retention policy")} {}
    ~Retention() { stop(); }

    void start(asio::io_context& context); // its timer's thread
    void stop();                           // idempotent

    // How far a sweep of a state has come: what has succeeded by id, the others by the time of their end.
    struct Place {
        Timestamp ended{0};
        std::string id;
    };
    struct Piece {
        std::vector<JobId> old;
        std::optional<Place> next; // nullopt: that was the last
    };
    // Inside store tasks: some jobs that are over their time, behind `from`, after a bounded look; and their end. How
    // many of them one turn of the writer took.
    static Piece find_piece(store::Session& session, values::JobState state, Timestamp older_than, const Place& from);
    static std::size_t delete_piece(store::Session& session, std::span<const JobId> old, Timestamp now);

private:
    void sweep();
    void sweep_state(values::JobState state, Timestamp older_than, Place from);
    void delete_found(values::JobState state, Timestamp older_than, std::shared_ptr<const Piece> piece,
                      std::size_t from);
    void arm();

    store::Database& database_;
    Clock& clock_;
    telemetry::Log& log_;
    RetentionOptions options_;
    telemetry::Counter& deleted_;
    std::shared_ptr<asio::steady_timer> timer_; // shared with its handler, which may come after stop()
    std::atomic<bool> stopped_{false};
};

} // namespace millrace::jobs
