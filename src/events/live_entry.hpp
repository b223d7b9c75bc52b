// One change as event streams are sent it, and which of them a stream is for. Plain values, without I/O.
#pragma once
#include "base/id.hpp"
#include "values/job.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace millrace::events {

// What is sent that is no stored event; those have types of their own (job.dead, breaker.opened …).
inline constexpr std::string_view job_state = "job.state", job_progress = "job.progress", jobs_changed = "jobs.changed",
                                  service_status = "service.status";

struct LiveEntry {
    // A sample says what many changes come to. It goes to those alone who name its type.
    enum class Kind { state, progress, stored, sample };
    Kind kind = Kind::state;
    std::string type;
    std::string subject; // the id of the job, or what the stored event is about
    std::string queue;   // that it belongs to; may be empty
    std::optional<JobId> job;
    std::optional<values::JobState> from, to; // of a job's state; no `from`: it is told, nothing changed
    std::int64_t number = 0;                  // of a stored event
    std::string data;                         // JSON without line breaks
    std::string text{};                       // of the server-sent event; made by the log
};

using LiveEntryPtr = std::shared_ptr<const LiveEntry>; // shared by the log and by all who are sent it

// "job.dead" fits "job.dead" and "job".
bool type_fits(std::string_view type, std::string_view wanted);

struct LiveFilter {
    std::vector<std::string> types;                // empty: all but samples
    std::string subject, queue;                    // empty: any
    std::optional<std::unordered_set<JobId>> jobs; // only what is about them
    bool may_read_stored = true;                   // whoever follows

    bool takes(const LiveEntry& entry) const;
    bool takes_type(std::string_view type) const;
    bool takes_stored() const; // any of them
    // What changes and is not stored: it is lost when the place is gone.
    bool takes_unstored() const {
        return takes_type(job_state) || takes_type(jobs_changed) || takes_type(service_status);
    }
};

} // namespace millrace::events
