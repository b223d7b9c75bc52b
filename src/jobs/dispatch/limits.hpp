// When jobs are over: the earlier of expires_at and deadline_at of each that has not ended. Follows what lives: a job
// that ends is forgotten, and the heap is made anew once more than half of it is about such jobs. Owned by one thread.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "jobs/dispatch/time_heap.hpp"

#include <optional>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace millrace::jobs {

struct Limit {
    Timestamp at;
    JobId id;
    OrganizationId organization;
};

class Limits {
public:
    // In place of the one that the job has.
    void set(const Limit& limit);
    void forget(const JobId& id);    // it has ended
    std::optional<Timestamp> next(); // nullopt: never
    // Those that have come, the earliest first, so many at most; they are forgotten.
    std::vector<Limit> take_due(Timestamp now, std::size_t most);

    bool empty() const { return of_job_.empty(); }
    std::size_t size() const { return heap_.size(); } // with those that were forgotten, and not taken out yet

private:
    struct Later {
        bool operator()(const Limit& a, const Limit& b) const { return std::tie(a.at, a.id) > std::tie(b.at, b.id); }
    };
    bool holds(const Limit& limit) const;
    void drop_forgotten();

    TimeHeap<Limit, Later> heap_;
    std::unordered_map<JobId, Timestamp> of_job_;
};

} // namespace millrace::jobs
