// Jobs of one lane and priority, fairly between the keys that submitted them: each key has a first-in-first-out line,
// and the lines take turns by start-time fair queueing (Goyal et al., SIGCOMM 1996): the owner with the least virtual
// time is served, which then moves on by 1 ∕ weight. A key that comes back from idleness begins at the present virtual
// time: it saves up no turns, and waits for one job of another at most. Nor does one whose jobs were held up elsewhere.
// Owned by one thread.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "values/job.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace millrace::jobs {

using LaneIndex = std::uint32_t;
using OwnerIndex = std::uint32_t;

// 32 bytes a waiting job.
struct Waiting {
    JobId id;
    Timestamp due; // when it became, or becomes, ready
    LaneIndex lane : 28 = 0;
    unsigned priority : 4 = values::default_priority;
    OwnerIndex owner = 0;
};

// The virtual times of keys and of their organisations, over all lanes.
class Owners {
public:
    // A weight of 0 leaves the one that is known.
    OwnerIndex find_or_add(const OrganizationId& organization, const ActorId& actor, int organization_weight = 0,
                           int key_weight = 0);

    double turn(OwnerIndex owner) const { return keys_[owner].time; }
    double organization_turn(OwnerIndex owner) const { return organizations_[keys_[owner].organization].time; }
    void arrived(OwnerIndex owner); // one of its lines was empty
    void served(OwnerIndex owner);

private:
    struct Organization {
        double weight = 1, time = 0, clock = 0; // `clock`: the virtual time of the key that was served last
    };
    struct Key {
        std::uint32_t organization = 0;
        double weight = 1, time = 0;
    };
    std::vector<Organization> organizations_;
    std::vector<Key> keys_;
    std::map<OrganizationId, std::uint32_t> organization_by_id_;
    std::map<std::pair<OrganizationId, ActorId>, OwnerIndex> key_by_id_;
    double clock_ = 0;
};

class FairLine {
public:
    struct Line {
        std::deque<Waiting> jobs;
        double turn = 0; // where it stands in turns_
    };

    enum class Place { behind, in_front };
    void push(const Waiting& job, Owners& owners, Monotonic now, Place place = Place::behind);
    OwnerIndex next_owner(const Owners& owners); // the line is not empty
    const Waiting& front(OwnerIndex owner) const { return lines_.at(owner).jobs.front(); }
    // The owner's first job. Whoever lets it begin says so, by served() of the owners and of the line.
    Waiting pop(OwnerIndex owner);
    // Takes out what is of no use; how many. Costs nobody a turn.
    template <class Unused>
    std::size_t erase_if(Unused unused);
    void served(Monotonic now) { unserved_since_ = now; }
    // Since when it has got nothing although somebody waits.
    Monotonic unserved_since() const { return unserved_since_; }

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    // The longest wait, exact when refresh() was called last.
    Timestamp oldest() const { return oldest_; }
    void refresh();
    const std::unordered_map<OwnerIndex, Line>& lines() const { return lines_; }

private:
    std::unordered_map<OwnerIndex, Line> lines_; // none is empty
    std::set<std::pair<double, OwnerIndex>>
        turns_; // by the virtual time at which it was put there, corrected when it comes up
    Timestamp oldest_{};
    Monotonic unserved_since_{};
    std::size_t size_ = 0;
};

template <class Unused>
std::size_t FairLine::erase_if(Unused unused) {
    const auto before = size_;
    for (auto at = lines_.begin(); at != lines_.end();) {
        auto& line = at->second;
        size_ -= std::erase_if(line.jobs, unused);
        if (!line.jobs.empty()) {
            ++at;
            continue;
        }
        turns_.erase({line.turn, at->first});
        at = lines_.erase(at);
    }
    refresh();
    return before - size_;
}

} // namespace millrace::jobs
