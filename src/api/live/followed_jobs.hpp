// The jobs of a stream that goes to their end: what was told of each, so that nothing is told twice and the end is
// seen. Pure.
#pragma once
#include "events/live_entry.hpp"

#include <unordered_map>

namespace millrace::api {

class FollowedJobs {
public:
    void set(const JobId& job, values::JobState state);
    // False: it was told before. A stream begins with the states in the database, and its log may bring the changes to
    // those after them.
    bool takes(const events::LiveEntry& entry);
    bool ended() const { return under_way_ == 0; } // all of them

private:
    std::unordered_map<JobId, values::JobState> states_;
    std::size_t under_way_ = 0;
};

} // namespace millrace::api
