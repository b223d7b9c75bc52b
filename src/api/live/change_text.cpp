#include "api/live/change_text.hpp"

#include "base/json_text.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

using events::LiveEntry;
using values::JobState;

void append_text(std::string& out, std::string_view name, std::string_view value) {
    out.append(",\"").append(name).append("\":\"");
    append_escaped(out, value);
    out += '"';
}

void append_integer(std::string& out, std::string_view name, std::int64_t value) {
    out.append(",\"").append(name).append("\":");
    fmt::format_to(std::back_inserter(out), "{}", value);
}

// Written by hand: there may be a hundred thousand a second.
LiveEntry job_entry(LiveEntry::Kind kind, std::string_view type, JobId id, std::string_view queue,
                    std::string_view kind_of_job) {
    LiveEntry entry;
    entry.kind = kind;
    entry.type = type;
    entry.subject = id.text();
    entry.queue = queue;
    entry.job = id;
    entry.data.reserve(220);
    entry.data.append("{\"type\":\"").append(type).append("\",\"id\":\"").append(entry.subject) += '"';
    append_text(entry.data, "kind", kind_of_job);
    append_text(entry.data, "queue", queue);
    return entry;
}

LiveEntry state_entry(JobId id, std::string_view queue, std::string_view kind, std::optional<JobState> from,
                      JobState to) {
    auto entry = job_entry(LiveEntry::Kind::state, events::job_state, id, queue, kind);
    append_text(entry.data, "state", values::name(to));
    if (from) append_text(entry.data, "from", values::name(*from));
    entry.from = from;
    entry.to = to;
    return entry;
}

LiveEntry finished(LiveEntry entry, std::string_view at) {
    append_text(entry.data, "at", at);
    entry.data += '}';
    return entry;
}

} // namespace

LiveEntry change_entry(const jobs::Arrived& change, std::string_view at) {
    const auto state = change.lease ? JobState::running : change.state;
    auto entry = state_entry(change.id, change.queue, change.kind, {}, state);
    if (change.lease) append_integer(entry.data, "attempt", change.lease->attempt);
    if (state == JobState::scheduled) append_text(entry.data, "run_at", change.due.text());
    return finished(std::move(entry), at);
}

LiveEntry change_entry(const jobs::Begun& change, std::string_view at) {
    const auto& lease = *change.lease;
    auto entry = state_entry(lease.id, lease.queue, lease.kind, JobState::queued, JobState::running);
    append_integer(entry.data, "attempt", lease.attempt);
    return finished(std::move(entry), at);
}

LiveEntry change_entry(const jobs::Moved& change, std::string_view at) {
    auto entry = state_entry(change.id, change.queue, change.kind, change.from, change.to);
    if (change.to == JobState::scheduled || change.to == JobState::queued)
        append_text(entry.data, "run_at", change.due.text());
    return finished(std::move(entry), at);
}

LiveEntry change_entry(const jobs::Progress& change, std::string_view at) {
    auto entry = job_entry(LiveEntry::Kind::progress, events::job_progress, change.id, change.queue, change.kind);
    append_integer(entry.data, "progress_percent", change.percent);
    return finished(std::move(entry), at);
}

json::object write_event_object(const events::Event& event) {
    const auto more = parse_json(event.data);
    return {{"id", event.id},
            {"type", event.type},
            {"subject", event.subject},
            {"at", event.at.text()},
            {"data", more ? *more : json::value{}}};
}

LiveEntry change_entry(const events::Event& event) {
    LiveEntry entry;
    entry.kind = LiveEntry::Kind::stored;
    entry.type = event.type;
    entry.subject = event.subject;
    entry.number = event.id;
    if (event.type.starts_with("job.")) entry.job = JobId::parse(event.subject);
    if (event.type.starts_with("queue.")) entry.queue = event.subject;
    const auto shown = write_event_object(event);
    if (const auto* data = shown.at("data").if_object())
        if (const auto* queue = data->if_contains("queue"); queue && queue->is_string())
            entry.queue = std::string_view{queue->get_string()};
    entry.data = json_text(shown);
    return entry;
}

LiveEntry present_entry(const values::Job& job, std::string_view at) {
    auto entry = state_entry(job.id, job.queue, job.kind, {}, job.state);
    append_integer(entry.data, "attempt", job.attempt);
    if (job.state == JobState::running) append_integer(entry.data, "progress_percent", job.progress_percent);
    return finished(std::move(entry), at);
}

LiveEntry present_entry(const jobs::FlowNode& node, std::string_view at) {
    auto entry = state_entry(node.id, node.queue, node.kind, {}, node.state);
    append_integer(entry.data, "attempt", node.attempt);
    if (node.state == JobState::running) append_integer(entry.data, "progress_percent", node.progress_percent);
    return finished(std::move(entry), at);
}

LiveEntry sample_entry(const ChangedJobs& jobs, std::size_t more, std::string_view at) {
    LiveEntry entry;
    entry.kind = LiveEntry::Kind::sample;
    entry.type = events::jobs_changed;
    entry.data = fmt::format(R"({{"type":"{}","jobs":[)", events::jobs_changed);
    for (bool first = true; const auto& [id, job] : jobs) {
        fmt::format_to(std::back_inserter(entry.data), R"({}{{"id":"{}","state":"{}")", first ? "" : ",", id.text(),
                       values::name(job.state));
        if (job.progress_percent) append_integer(entry.data, "progress_percent", *job.progress_percent);
        entry.data += '}';
        first = false;
    }
    entry.data += ']';
    append_integer(entry.data, "more", static_cast<std::int64_t>(more));
    return finished(std::move(entry), at);
}

LiveEntry status_entry(const json::object& status) {
    LiveEntry entry;
    entry.kind = LiveEntry::Kind::sample;
    entry.type = events::service_status;
    entry.data = json_text(status);
    return entry;
}

std::string notice_text(std::string_view type, std::string_view reason, std::string_view id) {
    const auto line = id.empty() ? std::string{} : fmt::format("id: {}\n", id);
    return fmt::format("{}event: {}\ndata: {{\"type\":\"{}\",\"reason\":\"{}\"}}\n\n", line, type, type, reason);
}

} // namespace millrace::api
