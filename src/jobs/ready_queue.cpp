#include "jobs/ready_queue.hpp"

#include <algorithm>

namespace millrace::jobs {

LaneIndex ReadyQueue::lane(std::string_view queue, std::string_view kind) {
    const std::pair<std::string, std::string> key{queue, kind};
    const auto [at, made] = lane_by_name_.try_emplace(key, static_cast<LaneIndex>(lanes_.size()));
    if (made) {
        auto& lane = lanes_.emplace_back();
        lane.queue = key.first;
        lane.kind = key.second;
    }
    return at->second;
}

void ReadyQueue::push(const Waiting& job, Timestamp now) {
    auto& lane = lanes_[job.lane];
    if (job.due > now) {
        scheduled_.push(job);
        ++lane.scheduled;
        return;
    }
    lane.lines[job.priority].push_back(job);
    ++lane.queued;
    ++at_priority_[job.priority];
    ++queued_;
}

void ReadyQueue::release_due(Timestamp now) {
    while (!scheduled_.empty() && scheduled_.top().due <= now) {
        const Waiting job = scheduled_.top();
        scheduled_.pop();
        --lanes_[job.lane].scheduled;
        push(job, now);
    }
}

std::optional<Timestamp> ReadyQueue::next_due() const {
    return scheduled_.empty() ? std::nullopt : std::optional{scheduled_.top().due};
}

std::optional<Waiting> ReadyQueue::pop(const std::function<bool(LaneIndex)>& open) {
    for (std::size_t priority = priorities; queued_ > 0 && priority-- > 0;) {
        if (at_priority_[priority] == 0) continue;
        Lane* oldest = nullptr;
        for (auto& lane : lanes_) {
            const auto& line = lane.lines[priority];
            if (line.empty() || !open(static_cast<LaneIndex>(&lane - lanes_.data()))) continue;
            if (!oldest || line.front().due < oldest->lines[priority].front().due) oldest = &lane;
        }
        if (!oldest) continue;
        auto& line = oldest->lines[priority];
        const Waiting job = line.front();
        line.pop_front();
        --oldest->queued;
        --at_priority_[priority];
        --queued_;
        return job;
    }
    return std::nullopt;
}

std::size_t ReadyQueue::position(const Waiting& job) const {
    std::size_t ahead = 0;
    for (std::size_t priority = job.priority + 1u; priority < priorities; ++priority) ahead += at_priority_[priority];
    for (const auto& lane : lanes_) {
        const auto& line = lane.lines[job.priority];
        const auto before = std::lower_bound(line.begin(), line.end(), job.due,
                                             [](const Waiting& other, Timestamp due) { return other.due < due; });
        ahead += static_cast<std::size_t>(before - line.begin());
    }
    return ahead;
}

std::vector<LaneCounts> ReadyQueue::counts() const {
    std::vector<LaneCounts> all;
    all.reserve(lanes_.size());
    for (const auto& lane : lanes_) all.push_back({lane.queue, lane.kind, lane.queued, lane.scheduled});
    return all;
}

} // namespace millrace::jobs
