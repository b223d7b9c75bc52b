// What the dispatcher counts: jobs that came and ended, how long they ran, and the sums of queues that have no entry
// any more. On the dispatcher's thread.
#pragma once
#include "jobs/ending/total_repository.hpp"
#include "jobs/moves.hpp"
#include "jobs/queues/queue_table.hpp"
#include "telemetry/metrics.hpp"

#include <cstddef>
#include <cstdint>
#include <map>

namespace millrace::jobs {

class Figures {
public:
    Figures(QueueTable& table, telemetry::Metrics& metrics);

    // At start: what was counted in earlier lives. A name that only the past knows gets no entry where names are
    // scarce.
    void count_before(const total_repository::Total& total);

    void submitted(Queue& queue, Monotonic now);
    void ended(Queue& queue, values::JobState as, Monotonic now);
    void retried() { retried_total_.add(); }
    void ran(Queue& queue, std::string_view kind, double seconds, bool succeeded);
    void keep_totals_of_given_up(); // once a second, and before ended_elsewhere() is read
    void count_open_breakers();
    void set(std::size_t waiting, std::size_t running); // once a second

    // In queues that have no entry any more, since the store was made.
    using Ended = std::map<OrganizationId, std::map<values::JobState, std::int64_t>>;
    const Ended& ended_elsewhere() const { return ended_elsewhere_; }

private:
    QueueTable& table_;
    Ended ended_elsewhere_;
    telemetry::Counter& submitted_total_;
    std::map<values::JobState, telemetry::Counter*> ended_total_;
    telemetry::Counter& retried_total_;
    telemetry::Histogram& run_seconds_;
    telemetry::Gauge& waiting_;
    telemetry::Gauge& running_;
    telemetry::Gauge& breakers_open_;
};

} // namespace millrace::jobs
