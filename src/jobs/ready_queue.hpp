// What waits, in memory: the truth is in the store and this is rebuilt from it at start. Jobs stand in lanes, one
// for each pair of queue and kind, so that a kind at its limit holds up no other; a lane has one first-in-first-out
// line for each priority. Jobs whose time has not come stand in a heap beside them. Owned by one thread.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "model/job.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace millrace::jobs {

using LaneIndex = std::uint16_t;

// 40 bytes a waiting job.
struct Waiting {
    JobId id;
    Timestamp due; // when it became, or becomes, ready
    LaneIndex lane = 0;
    std::uint8_t priority = model::default_priority;
};

struct LaneCounts {
    std::string queue, kind;
    std::size_t queued = 0, scheduled = 0;
};

class ReadyQueue {
public:
    // The lane of a queue and kind, made at first use.
    LaneIndex lane(std::string_view queue, std::string_view kind);
    const std::string& lane_queue(LaneIndex lane) const { return lanes_[lane].queue; }
    const std::string& lane_kind(LaneIndex lane) const { return lanes_[lane].kind; }

    // Ready at once when due ≤ now, else when release_due() reaches it.
    void push(const Waiting& job, Timestamp now);

    // Moves what has become due to its line. Call before pop().
    void release_due(Timestamp now);
    std::optional<Timestamp> next_due() const;

    // The highest priority first, then the longest wait; only from lanes that `open` lets through.
    std::optional<Waiting> pop(const std::function<bool(LaneIndex)>& open);

    // How many jobs are served before one of this lane, priority and due time: 0 for the next. Exact as long as
    // jobs become ready in the order of their due times; cancelled jobs still standing in line are counted.
    std::size_t position(const Waiting& job) const;

    std::size_t queued() const { return queued_; }
    std::size_t scheduled() const { return scheduled_.size(); }
    std::vector<LaneCounts> counts() const;

private:
    static constexpr std::size_t priorities = model::highest_priority + 1;
    using Line = std::deque<Waiting>;
    struct Lane {
        std::string queue, kind;
        std::array<Line, priorities> lines;
        std::size_t queued = 0, scheduled = 0;
    };
    struct Later {
        bool operator()(const Waiting& a, const Waiting& b) const { return a.due > b.due; }
    };

    std::vector<Lane> lanes_;
    std::map<std::pair<std::string, std::string>, LaneIndex, std::less<>> lane_by_name_;
    std::priority_queue<Waiting, std::vector<Waiting>, Later> scheduled_;
    std::array<std::size_t, priorities> at_priority_{};
    std::size_t queued_ = 0;
};

} // namespace millrace::jobs
