// Changes as event streams are sent them. Pure.
#pragma once
#include "events/event_log.hpp"
#include "events/live_entry.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/flows.hpp"

#include <unordered_map>

namespace millrace::api {

// `at`: when the change was heard of, as text.
events::LiveEntry change_entry(const jobs::Arrived& change, std::string_view at);
events::LiveEntry change_entry(const jobs::Begun& change, std::string_view at);
events::LiveEntry change_entry(const jobs::Moved& change, std::string_view at);
events::LiveEntry change_entry(const jobs::Progress& change, std::string_view at);
events::LiveEntry change_entry(const events::Event& event);

// How a job is when a stream begins; no change.
events::LiveEntry present_entry(const values::Job& job, std::string_view at);
events::LiveEntry present_entry(const jobs::FlowNode& node, std::string_view at);

// The jobs that changed of late, each as it was last; or how many changes there were, too many to name.
struct ChangedJob {
    values::JobState state = values::JobState::queued;
    std::optional<int> progress_percent{}; // where that was what changed
};
using ChangedJobs = std::unordered_map<JobId, ChangedJob>;
events::LiveEntry sample_entry(const ChangedJobs& jobs, std::size_t more, std::string_view at);
events::LiveEntry status_entry(const json::object& status);

// Members of the JSON object in which a stored event is shown, also in lists.
json::object write_event_object(const events::Event& event);

// What is no change: {"type":…,"reason":…}. `id` may be empty.
std::string notice_text(std::string_view type, std::string_view reason, std::string_view id = {});

} // namespace millrace::api
