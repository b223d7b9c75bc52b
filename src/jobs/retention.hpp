// How long ended jobs are kept: results for good unless somebody says otherwise. Deletes in small pieces on the writer, so
// that nobody waits behind it. Runs on its own timer.
#pragma once
#include "async/io_pool.hpp"
#include "base/clock.hpp"
#include "model/job.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace millrace::jobs {

struct RetentionOptions {
    std::map<model::JobState, std::chrono::hours> keep; // of ended jobs; a state that is not named is kept for good
    std::chrono::seconds every{600};
};

class Retention {
public:
    Retention(store::Database& database, Clock& clock, telemetry::Log& log, telemetry::Metrics& metrics, RetentionOptions options)
        : database_{database}, clock_{clock}, log_{log}, options_{std::move(options)},
          deleted_{metrics.counter("millrace_jobs_deleted_total", "Ended jobs deleted by the retention policy")} {}
    ~Retention() { stop(); }

    void start(asio::io_context& context); // its timer's thread
    void stop();                           // idempotent

    // Inside store tasks: some jobs that are over their time, with larger ids than `after`; and their end.
    static std::vector<JobId> find_piece(store::Session& session, model::JobState state, Timestamp older_than, const std::string& after);
    static void delete_piece(store::Session& session, const std::vector<JobId>& old, Timestamp now);

private:
    void sweep();
    void sweep_state(model::JobState state, Timestamp older_than, std::string after);
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
