// How far a look at the rows of a list has come: bounded in rows and in time, whatever the data. Of one task.
#pragma once
#include "base/id.hpp"
#include "jobs/page.hpp"

#include <algorithm>
#include <chrono>

namespace millrace::jobs {

// It ends where the millisecond of the ids changes: all of that one were looked at, so the place can be named
// without naming a job, which may be another organisation's.
class Look {
public:
    explicit Look(int most_rows) : left_{most_rows}, until_{std::chrono::steady_clock::now() + time_of_a_look} {}

    // Asked with each id before it is looked at.
    bool is_over(const JobId& id) {
        const bool another_time = !is_of_same_time(id);
        if (another_time && (left_ <= 0 || is_late())) return true;
        last_ = id;
        --left_;
        return false;
    }
    // Below all that were looked at, above all others.
    JobId end() const {
        JobId place;
        std::copy_n(last_.value.bytes.begin(), time_bytes, place.value.bytes.begin());
        return place;
    }

private:
    static constexpr std::size_t time_bytes = 6; // a UUIDv7 begins with the milliseconds

    bool is_of_same_time(const JobId& id) const {
        return std::equal(id.value.bytes.begin(), id.value.bytes.begin() + time_bytes, last_.value.bytes.begin());
    }
    bool is_late() { return left_ % 64 == 0 && std::chrono::steady_clock::now() > until_; }

    int left_;
    std::chrono::steady_clock::time_point until_;
    JobId last_{};
};

} // namespace millrace::jobs
