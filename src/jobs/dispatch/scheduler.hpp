// Which jobs may begin now: the ready queue under the limits of slots, kinds, queues, rates, pauses and breakers. Pure:
// time comes in as a value and nothing blocks, so that a simulation drives it through years in seconds. Owned by one
// thread.
#pragma once
#include "jobs/dispatch/dispatcher_view.hpp"
#include "jobs/dispatch/ready_queue.hpp"
#include "jobs/moves.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <vector>

namespace millrace::jobs {

struct SchedulerOptions {
    std::size_t concurrency = 256;                // attempts at once in the daemon, over all kinds
    std::chrono::microseconds ageing{60'000'000}; // passed over for so long, jobs rise by one priority
};

class Scheduler {
public:
    Scheduler(QueueTable& table, SchedulerOptions options) : table_{table}, options_{options}, queue_{options.ageing} {}

    // Before anything else: the kinds that run in the daemon.
    void add_kind(std::string_view kind, std::size_t concurrency);

    ReadyQueue& queue() { return queue_; }
    const ReadyQueue& queue() const { return queue_; }
    // Kinds that nothing here runs share one lane of their queue: nothing limits one of them alone, and their names are
    // any words.
    LaneIndex lane(const OrganizationId& organization, std::string_view queue, std::string_view kind,
                   std::string_view resource);
    void rules_changed(Queue& queue);

    // Jobs for the daemon's own processors, and for external workers of one queue. Each takes a slot until ended().
    std::vector<Waiting> take(std::size_t most, const Now& now);
    std::vector<Waiting> take_external(const Queue& queue, std::size_t most, const Now& now);

    struct Changed {
        bool queue = false, resource = false; // a breaker opened or closed
    };
    // A taken job left its slot.
    Changed ended(LaneIndex lane, AttemptVerdict verdict, const Now& now);
    // A job that has not stood in line: it was running before the daemon started, or has brought the slot that
    // reserve() gave.
    void resumed(LaneIndex lane, const Now& now, bool has_slot = false);

    // A slot for a job to come, of the same that take() gives; false: there is none. From any thread.
    bool reserve();
    void unreserve() { slots_taken_.fetch_sub(1, std::memory_order_relaxed); }

    // What holds up the jobs of a lane: all that the rules say.
    Standing standing(LaneIndex lane, const Now& now) const;
    // When take() may give more although nothing happens: a job becomes due, a rate or pause or breaker lets go.
    std::optional<std::chrono::microseconds> next_change(const Now& now) const;
    std::size_t slots_taken() const {
        return slots_taken_.load(std::memory_order_relaxed);
    } // with those that are reserved

private:
    struct Kind {
        std::size_t concurrency = 0, running = 0;
    };
    // A token that is whole but for what adding up its parts has lost.
    static constexpr double one_token = 1 - 1e-9;
    static bool is_paused(const Queue& queue, Timestamp now);
    // Until a token of the queue's rate is there; 0: one is. After refill().
    static std::chrono::microseconds until_token(const Queue& queue);
    bool queue_open(const ReadyQueue::Lane& lane, const Now& now) const;
    bool open(const ReadyQueue::Lane& lane, const Now& now) const;
    void occupy(const ReadyQueue::Lane& lane, const Now& now); // a slot that the caller has
    void refill(Queue& queue, Monotonic now) const;
    Kind& kind(const ReadyQueue::Lane& lane);

    QueueTable& table_;
    SchedulerOptions options_;
    ReadyQueue queue_;
    std::map<std::string, KindIndex, std::less<>> kind_by_name_;
    std::vector<Kind> kinds_{Kind{}}; // by KindIndex; the first stands for those that nothing here runs
    std::atomic<std::size_t> slots_taken_{
        0}; // one count for jobs from the line and for those beside it: no two get the same slot
};

} // namespace millrace::jobs
