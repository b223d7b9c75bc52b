// What the dispatcher tells others about its present state: plain values.
#pragma once
#include "base/clock.hpp"
#include "values/breaker.hpp"
#include "values/job.hpp"
#include "values/queue.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

struct QueueCounts {
    std::size_t queued = 0, running = 0, scheduled = 0, blocked = 0;
    double oldest_seconds = 0; // the longest wait of a queued job
    double submitted_per_second = 0, started_per_second = 0, finished_per_second = 0; // over the last ten seconds
    std::size_t external_leases = 0, waiting_workers = 0;
    std::map<values::JobState, std::int64_t> ended; // since the store was made
    double mean_run_seconds = 0;
    QueueCounts& operator+=(const QueueCounts& other);
};

struct QueueSnapshot {
    struct Queue : QueueCounts {
        OrganizationId organization;
        std::string name;
        values::BreakerView breaker;
    };
    struct Resource {
        OrganizationId organization;
        std::string kind, name;
        values::BreakerView breaker;
    };
    std::vector<Queue> queues; // of all organisations
    std::vector<Resource> resources;
    std::map<OrganizationId, std::map<values::JobState, std::int64_t>>
        ended_elsewhere; // in queues that have no entry any more

    QueueCounts total; // of all organisations: for the daemon itself
    QueueCounts of(const OrganizationId& organization) const;
};

struct JobOutlook {
    std::optional<std::size_t> position;     // of a waiting job: how many begin before it
    std::optional<int> progress_percent;     // of a running one
    std::optional<double> seconds_remaining; // from its own progress, else from the history of its kind and queue
};

// What may hold up the jobs of one lane: a queue, kind and resource.
struct Standing {
    bool external = false; // worked by lease
    std::optional<values::Pause> pause;
    std::size_t queue_running = 0, kind_running = 0, slots_taken = 0;
    std::optional<std::size_t> queue_concurrency;
    std::size_t kind_concurrency = 0, slots = 0; // not of an external queue
    std::optional<double> rate;
    std::chrono::microseconds next_token{0}; // of the rate; 0: one is there
    values::BreakerView queue_breaker, resource_breaker;
    bool probing = false;                                 // a breaker is half open, and its probe runs
    std::size_t waiting_workers = 0, external_leases = 0; // of an external queue
    bool has_processor = false;                           // something in the daemon runs this kind
    std::string obstacle;                                 // why the processor can do none of them now
    bool begun = false;                                   // this job's attempt runs
    JobOutlook outlook;
};

} // namespace millrace::jobs
