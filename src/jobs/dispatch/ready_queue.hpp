// What waits, in memory: the truth is in the store and this is rebuilt from it at start. Jobs stand in lanes, one for
// each queue, kind and resource, so that none at its limit holds up another; a lane has a fair line for each priority.
// Higher priorities come first, but a line moves up one level for each `ageing` in which it got nothing, until it does:
// so nothing starves, and a long line that is served in turn is no more urgent than a short one. Jobs whose time has
// not come stand in heaps beside them. Memory follows what lives: a lane goes when no job holds it (a few are kept, for
// the next job), and what was taken out is looked for everywhere once it is more than what waits. Owned by one thread.
#pragma once
#include "jobs/dispatch/fair_line.hpp"
#include "jobs/dispatch/time_heap.hpp"
#include "jobs/queues/queue_table.hpp"

#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace millrace::jobs {

using KindIndex = std::uint32_t;

// The same moment on both clocks.
struct Now {
    Timestamp wall;
    Monotonic steady;
};

class ReadyQueue {
public:
    struct Lane {
        QueuePtr queue;
        Resource* resource = nullptr; // null: none
        std::string kind;
        KindIndex kind_index = 0; // the scheduler's
        std::array<FairLine, values::highest_priority + 1> lines;
        std::int64_t queued = 0, scheduled = 0; // without those that were taken out
        std::size_t held = 0;                   // by jobs that stand in it, are on their way to a slot, or have one
        bool active = false;                    // stands in active_
        bool idle = false;                      // stands in idle_
    };
    using Open = std::function<bool(const Lane&)>;

    explicit ReadyQueue(std::chrono::microseconds ageing) : ageing_{ageing} {}

    // Made at first use. It stays until another lane is asked for; for as long as it is held when a job holds it.
    LaneIndex lane(const QueuePtr& queue, std::string_view kind, Resource* resource, KindIndex index = 0);
    const Lane& at(LaneIndex lane) const { return *lanes_[lane]; }
    // What stands in a lane holds it, also when it was taken by pop(): whoever has taken it gives the lane back by
    // release().
    void hold(LaneIndex lane) { ++lanes_[lane]->held; }
    void release(LaneIndex lane);
    std::size_t lanes() const { return lanes_.size() - free_.size(); }
    // Those with jobs that might begin.
    template <class Visit>
    void each_active(Visit visit) const {
        for (const auto index : active_) visit(*lanes_[index]);
    }
    Owners& owners() { return owners_; }

    // Ready at once when due ≤ now, else when release_due() reaches it.
    void push(const Waiting& job, const Now& now);
    // Taken by pop() and not begun: it stands where it stood. Of several the last one first.
    void put_back(const Waiting& job, const Now& now);
    // Ready when `wait` is over on the monotonic clock, whatever becomes of the wall clock: a retry.
    void push_after(const Waiting& job, Monotonic due);
    // It is not served any more, and is dropped when it is met. `scheduled`: where it stands, as far as the caller
    // knows; put right when it is met. The same job may be pushed anew at once: what stands of it with the same due
    // time is then served after all.
    void take_out(const Waiting& job, bool scheduled);

    // Moves what has become due to its line. Call before pop().
    void release_due(const Now& now);
    // How long until that is of use again; nullopt: never.
    std::optional<std::chrono::microseconds> next_due(const Now& now) const;

    // The next job by priority and turn, of lanes that `open` lets through.
    std::optional<Waiting> pop(const Open& open, const Now& now);

    // How many jobs of its queue are served before one that is waiting, about: fair turns counted, limits not.
    std::size_t position(const Waiting& job) const;
    // The longest wait in a queue; nullopt when nothing is ready.
    std::optional<Timestamp> oldest(const Queue& queue) const;
    void refresh_ages(); // now and then: what oldest() knows them by

    // Everything that stands somewhere, with what was taken out and not yet met: for tests.
    std::size_t standing() const { return scheduled_.size() + backing_off_.size() + in_line_; }
    std::size_t queued() const { return static_cast<std::size_t>(std::max<std::int64_t>(queued_, 0)); }
    std::size_t scheduled() const { return static_cast<std::size_t>(std::max<std::int64_t>(scheduled_count_, 0)); }

private:
    struct Later {
        // Of one time, in the order in which they were submitted.
        bool operator()(const Waiting& a, const Waiting& b) const {
            return std::tie(a.due, a.id) > std::tie(b.due, b.id);
        }
    };
    struct BackingOff {
        Monotonic due;
        Waiting job;
    };
    struct LaterBackOff {
        bool operator()(const BackingOff& a, const BackingOff& b) const {
            return std::tie(a.due, a.job.id) > std::tie(b.due, b.job.id);
        }
    };
    struct Choice {
        LaneIndex lane = 0;
        int level = 0, effective = -1;
        OwnerIndex owner = 0;
        double organization_turn = 0, turn = 0;
    };
    struct TakenOut {
        Timestamp due;
        bool scheduled;
    };
    void stand_in_line(const Waiting& job, Monotonic now, FairLine::Place place = FairLine::Place::behind);
    bool was_taken_out(const Waiting& job, bool scheduled);
    void compact();
    void evict_idle();
    void erase(LaneIndex lane);
    void count(const Waiting& job, bool scheduled, int change);
    int effective(const FairLine& line, int level, Monotonic now) const;
    const Waiting& front(const Choice& choice) const;
    bool comes_first(const Choice& one, const Choice& other) const;
    std::optional<Choice> choose(const Open& open, Monotonic now);

    std::chrono::microseconds ageing_;
    std::vector<std::unique_ptr<Lane>> lanes_; // empty where free_ says so
    std::vector<LaneIndex> free_;
    std::deque<LaneIndex> idle_; // held by no job when they were put there: the next to go
    std::map<std::tuple<const Queue*, std::string, const Resource*>, LaneIndex> lane_by_key_;
    std::vector<LaneIndex> active_; // lanes with a line that is not empty
    Owners owners_;
    TimeHeap<Waiting, Later> scheduled_;
    TimeHeap<BackingOff, LaterBackOff> backing_off_;
    std::unordered_multimap<JobId, TakenOut> taken_out_; // still standing somewhere: in a heap, or in a line
    std::size_t in_line_ = 0;                            // in the lines of all lanes
    std::size_t compact_at_ = 1024;                      // taken out
    std::int64_t queued_ = 0, scheduled_count_ = 0;
};

} // namespace millrace::jobs
