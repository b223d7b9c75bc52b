#include "jobs/dispatch/ready_queue.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

constexpr std::size_t most_idle_lanes = 256; // kept for the next job

} // namespace

LaneIndex ReadyQueue::lane(const QueuePtr& queue, std::string_view kind, Resource* resource, KindIndex index) {
    const auto [at, made] = lane_by_key_.try_emplace({queue.get(), std::string{kind}, resource}, 0);
    if (!made) return at->second;
    if (free_.empty()) {
        at->second = static_cast<LaneIndex>(lanes_.size());
        lanes_.emplace_back();
    } else {
        at->second = free_.back();
        free_.pop_back();
    }
    const auto made_index = at->second;
    auto& lane = *(lanes_[made_index] = std::make_unique<Lane>());
    lane.queue = queue;
    lane.resource = resource;
    lane.kind = kind;
    lane.kind_index = index;
    queue->lanes.push_back(made_index);
    evict_idle();
    lane.idle = true; // nobody holds it yet
    idle_.push_back(made_index);
    return made_index;
}

void ReadyQueue::release(LaneIndex index) {
    auto& lane = *lanes_[index];
    if (lane.held == 1) evict_idle(); // while this one is held: whoever released it may look at it still
    if (--lane.held > 0 || std::exchange(lane.idle, true)) return;
    idle_.push_back(index);
}

// The one that has stood there for the longest, unless a job has come since. What was ended before it came is counted
// as missing until it comes: its lane stays.
void ReadyQueue::evict_idle() {
    while (idle_.size() >= most_idle_lanes) {
        const auto index = idle_.front();
        idle_.pop_front();
        auto& lane = *lanes_[index];
        lane.idle = false;
        if (lane.held > 0) continue;
        if (lane.queued == 0 && lane.scheduled == 0) {
            erase(index);
            continue;
        }
        lane.idle = true;
        idle_.push_back(index);
        return;
    }
}

void ReadyQueue::erase(LaneIndex index) {
    auto& lane = *lanes_[index];
    if (lane.active) std::erase(active_, index);
    std::erase(lane.queue->lanes, index);
    lane_by_key_.erase({lane.queue.get(), lane.kind, lane.resource});
    lanes_[index].reset();
    free_.push_back(index);
}

void ReadyQueue::count(const Waiting& job, bool scheduled, int change) {
    auto& lane = *lanes_[job.lane];
    (scheduled ? lane.scheduled : lane.queued) += change;
    (scheduled ? lane.queue->scheduled : lane.queue->queued) += change;
    (scheduled ? scheduled_count_ : queued_) += change;
}

void ReadyQueue::push(const Waiting& job, const Now& now) {
    const bool scheduled = job.due > now.wall;
    count(job, scheduled, 1);
    hold(job.lane);
    if (was_taken_out(job, scheduled)) return release(job.lane);
    if (scheduled) scheduled_.push(job);
    else stand_in_line(job, now.steady);
}

void ReadyQueue::put_back(const Waiting& job, const Now& now) {
    count(job, false, 1);
    hold(job.lane);
    stand_in_line(job, now.steady, FairLine::Place::in_front);
}

void ReadyQueue::push_after(const Waiting& job, Monotonic due) {
    count(job, true, 1);
    hold(job.lane);
    backing_off_.push({due, job});
}

void ReadyQueue::take_out(const Waiting& job, bool scheduled) {
    count(job, scheduled, -1);
    taken_out_.emplace(job.id, TakenOut{job.due, scheduled});
    if (taken_out_.size() >= compact_at_) compact();
}

bool ReadyQueue::was_taken_out(const Waiting& job, bool scheduled) {
    if (taken_out_.empty()) return false;
    auto [at, last] = taken_out_.equal_range(job.id);
    while (at != last && at->second.due != job.due) ++at; // another time: it was pushed anew since
    if (at == last) return false;
    if (at->second.scheduled != scheduled) { // it stood elsewhere than was thought
        count(job, at->second.scheduled, 1);
        count(job, scheduled, -1);
    }
    taken_out_.erase(at);
    return true;
}

// Goes through everything once what was taken out is more than what waits: each that is taken out pays for a few looks.
void ReadyQueue::compact() {
    const std::size_t waits = standing() - std::min(standing(), taken_out_.size());
    if (taken_out_.size() > waits) {
        std::vector<LaneIndex> left; // given back afterwards: that may take a lane away
        const auto unused = [&](const Waiting& job, bool scheduled) {
            if (!was_taken_out(job, scheduled)) return false;
            left.push_back(job.lane);
            return true;
        };
        scheduled_.erase_if([&](const Waiting& job) { return unused(job, true); });
        backing_off_.erase_if([&](const BackingOff& each) { return unused(each.job, true); });
        for (const auto index : active_) // those that it empties leave active_ in choose(), or with their lane
            for (auto& line : lanes_[index]->lines)
                in_line_ -= line.erase_if([&](const Waiting& job) { return unused(job, false); });
        for (const auto lane : left) release(lane);
    }
    compact_at_ = std::max<std::size_t>({1024, 2 * taken_out_.size(), standing() / 2});
}

void ReadyQueue::stand_in_line(const Waiting& job, Monotonic now, FairLine::Place place) {
    auto& lane = *lanes_[job.lane];
    lane.lines[job.priority].push(job, owners_, now, place);
    ++in_line_;
    if (!std::exchange(lane.active, true)) active_.push_back(job.lane);
}

void ReadyQueue::release_due(const Now& now) {
    const auto stand_up = [&](const Waiting& job) {
        if (was_taken_out(job, true)) return release(job.lane);
        count(job, true, -1);
        count(job, false, 1);
        stand_in_line(job, now.steady);
    };
    for (; !scheduled_.empty() && scheduled_.top().due <= now.wall; scheduled_.pop()) stand_up(scheduled_.top());
    for (; !backing_off_.empty() && backing_off_.top().due <= now.steady; backing_off_.pop())
        stand_up(backing_off_.top().job);
}

std::optional<std::chrono::microseconds> ReadyQueue::next_due(const Now& now) const {
    using std::chrono::microseconds;
    std::optional<microseconds> wait;
    if (!scheduled_.empty()) wait = scheduled_.top().due - now.wall;
    if (!backing_off_.empty()) {
        const auto until =
            std::chrono::duration_cast<microseconds>(backing_off_.top().due - now.steady) + microseconds{1};
        wait = std::min(wait.value_or(until), until);
    }
    return wait;
}

int ReadyQueue::effective(const FairLine& line, int level, Monotonic now) const {
    const auto waited = std::max(now - line.unserved_since(), Monotonic::duration{0});
    return std::min<int>(values::highest_priority,
                         level + static_cast<int>(std::min<std::int64_t>(waited / ageing_, values::highest_priority)));
}

const Waiting& ReadyQueue::front(const Choice& choice) const {
    return lanes_[choice.lane]->lines[static_cast<std::size_t>(choice.level)].front(choice.owner);
}

// Inside a priority: the organisation whose turn it is, then the key; then the line that has come up from below, which
// will fall back once it was served; then the job that is due for longer, and of equal times the one that was submitted
// first.
bool ReadyQueue::comes_first(const Choice& one, const Choice& other) const {
    if (one.effective != other.effective) return one.effective > other.effective;
    if (one.organization_turn != other.organization_turn) return one.organization_turn < other.organization_turn;
    if (one.turn != other.turn) return one.turn < other.turn;
    if (one.level != other.level) return one.level < other.level;
    const auto& job = front(one);
    const auto& its = front(other);
    return std::tie(job.due, job.id) < std::tie(its.due, its.id);
}

std::optional<ReadyQueue::Choice> ReadyQueue::choose(const Open& open, Monotonic now) {
    std::optional<Choice> best;
    for (std::size_t i = 0; i < active_.size();) {
        const LaneIndex index = active_[i];
        auto& lane = *lanes_[index];
        bool any = false;
        std::optional<bool> is_open; // asked once, and only where it matters
        for (int level = values::highest_priority; level >= 0; --level) {
            auto& line = lane.lines[static_cast<std::size_t>(level)];
            if (line.empty()) continue;
            any = true;
            const int its = effective(line, level, now);
            if (best && its < best->effective) continue;
            if (!is_open) is_open = open(lane);
            if (!*is_open) break;
            const auto owner = line.next_owner(owners_);
            const Choice choice{index, level, its, owner, owners_.organization_turn(owner), owners_.turn(owner)};
            if (!best || comes_first(choice, *best)) best = choice;
        }
        if (any) {
            ++i;
            continue;
        }
        lane.active = false;
        active_[i] = active_.back();
        active_.pop_back();
    }
    return best;
}

std::optional<Waiting> ReadyQueue::pop(const Open& open, const Now& now) {
    while (const auto choice = choose(open, now.steady)) {
        auto& line = lanes_[choice->lane]->lines[static_cast<std::size_t>(choice->level)];
        const Waiting job = line.pop(choice->owner);
        --in_line_;
        if (was_taken_out(job, false)) { // which costs nobody a turn
            release(job.lane);
            continue;
        }
        owners_.served(choice->owner);
        line.served(now.steady);
        count(job, false, -1);
        return job;
    }
    return std::nullopt;
}

std::size_t ReadyQueue::position(const Waiting& job) const {
    std::size_t ahead = 0;
    std::int64_t served = 0; // of those that stand in line: some may have been taken out
    const auto& own_lane = *lanes_[job.lane];
    for (const auto index : own_lane.queue->lanes) {
        const auto& lane = *lanes_[index];
        served += lane.queued;
        for (std::size_t level = job.priority + 1u; level < lane.lines.size(); ++level)
            ahead += lane.lines[level].size();
    }
    const auto& its_line = own_lane.lines[job.priority];
    const auto before = [&](const FairLine::Line& line) {
        // Those of a batch have one time, and stand in the order of their ids.
        const auto at =
            std::lower_bound(line.jobs.begin(), line.jobs.end(), job, [](const Waiting& a, const Waiting& b) {
                return std::tie(a.due, a.id) < std::tie(b.due, b.id);
            });
        return static_cast<std::size_t>(at - line.jobs.begin());
    };
    const auto own = its_line.lines().find(job.owner);
    const std::size_t own_ahead = own == its_line.lines().end() ? 0 : before(own->second);
    for (const auto index : own_lane.queue->lanes) {
        for (const auto& [owner, line] : lanes_[index]->lines[job.priority].lines())
            ahead += owner == job.owner ? before(line) : std::min(line.jobs.size(), own_ahead + 1); // they take turns
    }
    return std::min(ahead, static_cast<std::size_t>(std::max<std::int64_t>(served, 0)));
}

std::optional<Timestamp> ReadyQueue::oldest(const Queue& queue) const {
    std::optional<Timestamp> found;
    for (const auto index : queue.lanes) {
        for (const auto& line : lanes_[index]->lines)
            if (!line.empty()) found = std::min(found.value_or(line.oldest()), line.oldest());
    }
    return found;
}

void ReadyQueue::refresh_ages() {
    for (const auto lane : active_)
        for (auto& line : lanes_[lane]->lines) line.refresh();
}

} // namespace millrace::jobs
