#include "api/jobs/job_json.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "jobs/attempt_outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace millrace::api {
namespace {

using values::JobState;

template <class... Args>
void append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

// What a job has only when somebody asked for it.
void append_options(std::string& out, const values::Job& job) {
    if (!job.resource.empty()) append(out, R"(,"resource":{})", json_text(job.resource));
    if (job.retry) append(out, R"(,"retry":{})", millrace::json_text(job.retry->to_json()));
    if (job.expires_at) append(out, R"(,"expires_at":"{}")", job.expires_at->text());
    if (job.deadline_at) append(out, R"(,"deadline_at":"{}")", job.deadline_at->text());
    if (!job.unique_key.empty()) append(out, R"(,"unique_key":{})", json_text(job.unique_key));
    if (job.flow) append(out, R"(,"flow":{{"id":"{}","ref":{}}})", job.flow->text(), json_text(job.flow_ref));
    if (!job.worker.empty()) append(out, R"(,"worker":{})", json_text(job.worker));
    if (!job.created_by.is_nil()) append(out, R"(,"created_by":"{}")", job.created_by.text());
    if (job.state == JobState::blocked) append(out, R"(,"blocked_by":{})", job.blocked_by);
}

// Without the closing brace, so that the detail can go on.
std::string job_members(const values::Job& job, Timestamp now) {
    std::string out;
    out.reserve(640 + job.payload.size() + job.result.size());
    append(out,
           R"({{"id":"{}","kind":{},"queue":{},"state":"{}","priority":{},"payload":{},"tags":{},"attempt":{},)"
           R"("max_attempts":{},"timeout_seconds":{},"created_at":{},"run_at":{},"started_at":{},"finished_at":{},)"
           R"("progress_percent":{},"result":{},"error":{})",
           job.id.text(), json_text(job.kind), json_text(job.queue), values::name(shown_state(job, now)), job.priority,
           job.payload, job.tags, job.attempt, job.max_attempts, job.timeout_seconds, json_moment(job.created_at),
           json_moment(job.run_at), json_moment(job.started_at), json_moment(job.finished_at), job.progress_percent,
           job.result.empty() ? "null" : job.result, json_error(job.error));
    append_options(out, job);
    return out;
}

struct Moment {
    Timestamp at;
    std::string event;
};

std::vector<Moment> timeline(const jobs::JobDetail& detail) {
    const auto& job = detail.job;
    std::vector<Moment> moments{{job.created_at, "submitted"}};
    for (const auto& attempt : detail.attempts) {
        moments.push_back({attempt.started_at, fmt::format("attempt {} started", attempt.number)});
        moments.push_back({attempt.ended_at, fmt::format("attempt {} {}", attempt.number, attempt.outcome)});
    }
    const bool recorded = std::any_of(detail.attempts.begin(), detail.attempts.end(),
                                      [&](const auto& attempt) { return attempt.number == job.attempt; });
    if (job.started_at && !recorded)
        moments.push_back({*job.started_at, fmt::format("attempt {} started", job.attempt)});
    if (!values::is_final(job.state) && job.run_at > job.created_at) moments.push_back({job.run_at, "due"});
    if (job.finished_at) moments.push_back({*job.finished_at, std::string{values::name(job.state)}});
    std::stable_sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) { return a.at < b.at; });
    return moments;
}

int failures(const jobs::JobDetail& detail) {
    return static_cast<int>(std::count_if(detail.attempts.begin(), detail.attempts.end(),
                                          [](const auto& each) { return jobs::counts_as_attempt(each.outcome); }));
}

bool waits_for_retry(const jobs::JobDetail& detail, Timestamp now) {
    return shown_state(detail.job, now) == JobState::scheduled && failures(detail) > 0;
}

void append_plan(std::string& out, const jobs::JobDetail& detail, const values::RetryPolicy& policy, Timestamp now) {
    if (!detail.job.retry) append(out, R"(,"retry":{})", millrace::json_text(policy.to_json()));
    append(out, R"(,"planned_retries":{})",
           millrace::json_text(json::value_from(planned_retries(detail, policy, now))));
    if (waits_for_retry(detail, now)) append(out, R"(,"next_retry_at":"{}")", detail.job.run_at.text());
}

void append_dependencies(std::string& out, const jobs::JobDetail& detail) {
    if (detail.depends_on.empty()) return;
    out += R"(,"depends_on":[)";
    for (const auto& each : detail.depends_on)
        append(out, R"({}{{"job":"{}","on_failure":"{}"}})", &each == &detail.depends_on.front() ? "" : ",",
               each.parent.text(), values::name(each.on_failure));
    out += ']';
}

void append_past(std::string& out, const jobs::JobDetail& detail) {
    out += R"(,"attempts":[)";
    for (const auto& attempt : detail.attempts)
        append(out, R"({}{{"attempt":{},"started_at":{},"ended_at":{},"outcome":"{}","error":{}}})",
               &attempt == &detail.attempts.front() ? "" : ",", attempt.number, json_moment(attempt.started_at),
               json_moment(attempt.ended_at), attempt.outcome, json_error(attempt.error));
    out += R"(],"timeline":[)";
    const auto moments = timeline(detail);
    for (const auto& each : moments)
        append(out, R"({}{{"at":{},"event":{}}})", &each == &moments.front() ? "" : ",", json_moment(each.at),
               json_text(each.event));
    out += ']';
}

std::string seconds_or_null(const std::optional<double>& seconds) {
    return seconds ? fmt::format("{:.1f}", *seconds) : "null";
}

// As the result has it; null where it has none.
std::string model_version(std::string_view result) {
    if (result.find("\"model_version\"") == std::string_view::npos) return "null";
    const auto value = parse_json(result);
    const auto* object = value ? value->if_object() : nullptr;
    const auto* version = object ? object->if_contains("model_version") : nullptr;
    return version ? millrace::json_text(*version) : "null";
}

// Of a job that waits. A queued one that has no position is just being begun.
std::string write_waiting(const values::Job& job, const jobs::JobOutlook& outlook) {
    const bool next = job.state == JobState::queued && !outlook.position;
    std::string out = R"({"status":"queued","position":)";
    out += outlook.position ? std::to_string(*outlook.position) : next ? "0" : "null";
    if (outlook.seconds_remaining) append(out, R"(,"estimated_seconds_remaining":{:.1f})", *outlook.seconds_remaining);
    return out + "}";
}

} // namespace

JobState shown_state(const values::Job& job, Timestamp now) {
    return job.state == JobState::scheduled && job.run_at <= now ? JobState::queued : job.state;
}

std::string json_text(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    out += '"';
    append_escaped(out, text);
    return out += '"';
}

std::string json_moment(const std::optional<Timestamp>& time) {
    return time ? fmt::format("\"{}\"", time->text()) : "null";
}

std::string json_error(const std::optional<values::JobError>& error) {
    return error ? fmt::format(R"({{"code":{},"message":{}}})", json_text(error->code), json_text(error->message))
                 : "null";
}

std::vector<double> planned_retries(const jobs::JobDetail& detail, const values::RetryPolicy& policy, Timestamp now) {
    std::vector<double> seconds;
    if (values::is_final(detail.job.state)) return seconds;
    const int failed = failures(detail);
    for (int n = waits_for_retry(detail, now) ? failed : failed + 1; n < detail.job.max_attempts; ++n)
        seconds.push_back(std::chrono::duration<double>(policy.planned(n)).count());
    return seconds;
}

std::string write_job(const values::Job& job, Timestamp now) { return job_members(job, now) + "}"; }

std::string write_job(const jobs::JobDetail& detail, const values::RetryPolicy& policy, Timestamp now) {
    std::string out = job_members(detail.job, now);
    append_plan(out, detail, policy, now);
    append_dependencies(out, detail);
    append_past(out, detail);
    return out + "}";
}

std::string write_jobs(const jobs::job_repository::JobPage& page, Timestamp now) {
    std::string out = R"({"data":[)";
    for (const auto& job : page.items) {
        if (&job != &page.items.front()) out += ',';
        out += write_job(job, now);
    }
    return out + fmt::format(R"(],"meta":{{"next_cursor":{}}}}})", page.next ? json_text(page.next->text()) : "null");
}

std::string write_result(const values::Job& job, const jobs::JobOutlook& outlook) {
    switch (job.state) {
    case JobState::scheduled:
    case JobState::blocked:
    case JobState::queued: return write_waiting(job, outlook);
    case JobState::running:
        return fmt::format(R"({{"status":"processing","progress_percent":{},"estimated_seconds_remaining":{}}})",
                           outlook.progress_percent.value_or(job.progress_percent),
                           seconds_or_null(outlook.seconds_remaining));
    case JobState::succeeded: {
        return fmt::format(R"({{"status":"complete","result":{},"model_version":{}}})", job.result,
                           model_version(job.result));
    }
    case JobState::dead:
    case JobState::cancelled:
    case JobState::expired: break;
    }
    const std::string reason =
        job.state == JobState::dead && job.error ? job.error->message : std::string{values::name(job.state)};
    return fmt::format(R"({{"status":"failed","error":{},"attempts":{}}})", json_text(reason), job.attempt);
}

} // namespace millrace::api
