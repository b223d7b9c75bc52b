#include "api/job_json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::api {
namespace {

using model::JobState;

std::string json_text(std::string_view text) { return json::serialize(json::value(json::string{text})); }
std::string moment(const std::optional<Timestamp>& time) { return time ? fmt::format("\"{}\"", time->text()) : "null"; }

std::string write_error(const std::optional<model::JobError>& error) {
    return error ? fmt::format(R"({{"code":{},"message":{}}})", json_text(error->code), json_text(error->message)) : "null";
}

JobState shown_state(const model::Job& job, Timestamp now) {
    return job.state == JobState::scheduled && job.run_at <= now ? JobState::queued : job.state;
}

// Without the closing brace, so that the detail can go on.
std::string job_members(const model::Job& job, Timestamp now) {
    return fmt::format(R"({{"id":"{}","kind":{},"queue":{},"state":"{}","priority":{},"payload":{},"tags":{},"attempt":{},)"
                       R"("max_attempts":{},"timeout_seconds":{},"created_at":{},"run_at":{},"started_at":{},"finished_at":{},)"
                       R"("progress_percent":{},"result":{},"error":{})",
                       job.id.text(), json_text(job.kind), json_text(job.queue), model::name(shown_state(job, now)), job.priority, job.payload,
                       job.tags, job.attempt, job.max_attempts, job.timeout_seconds, moment(job.created_at), moment(job.run_at),
                       moment(job.started_at), moment(job.finished_at), job.progress_percent, job.result.empty() ? "null" : job.result,
                       write_error(job.error));
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
    if (job.started_at && !recorded) moments.push_back({*job.started_at, fmt::format("attempt {} started", job.attempt)});
    if (!model::is_final(job.state) && job.run_at > job.created_at) moments.push_back({job.run_at, "due"});
    if (job.finished_at) moments.push_back({*job.finished_at, std::string{model::name(job.state)}});
    std::stable_sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) { return a.at < b.at; });
    return moments;
}

Result<json::object> read_tags(const json::object& object) {
    const auto* value = field(object, "tags");
    if (!value) return json::object{};
    const auto* tags = value->if_object();
    const Error wrong{Code::unprocessable, "\"tags\" must be an object of at most 32 strings of at most 256 bytes"};
    if (!tags || tags->size() > 32) return wrong;
    for (const auto& tag : *tags)
        if (!tag.value().is_string() || tag.value().get_string().size() > 256 || tag.key().size() > 64) return wrong;
    return *tags;
}

} // namespace

bool is_queue_name(std::string_view name) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() <= 63 && plain(name[0]) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '_' || c == '-'; });
}

Result<model::NewJob> read_new_job(const json::value& document) {
    const auto* object = document.if_object();
    if (!object) return Error{Code::unprocessable, "a job is a JSON object: {\"kind\":\"echo\",\"payload\":{}}"};
    if (const auto known = only_fields(*object, {"kind", "queue", "priority", "payload", "run_at", "max_attempts", "timeout_seconds", "tags"}); !known)
        return known.error();
    model::NewJob job;
    const auto kind = string_field(*object, "kind", 64);
    if (!kind) return kind.error();
    if (!*kind) return Error{Code::unprocessable, "\"kind\" is missing: echo, sleep or infer"};
    job.kind = **kind;
    const auto queue = string_field(*object, "queue", 63);
    if (!queue) return queue.error();
    job.queue = queue->value_or("default");
    if (!is_queue_name(job.queue)) return Error{Code::unprocessable, "\"queue\" must be a word of a-z, 0-9, _ and -, 63 bytes at most"};
    const auto priority = integer_field(*object, "priority", model::lowest_priority, model::highest_priority);
    if (!priority) return priority.error();
    job.priority = static_cast<int>(priority->value_or(model::default_priority));
    if (const auto* payload = field(*object, "payload")) job.payload = *payload;
    const auto run_at = string_field(*object, "run_at", 64);
    if (!run_at) return run_at.error();
    if (*run_at) {
        job.run_at = Timestamp::parse(**run_at);
        if (!job.run_at) return Error{Code::unprocessable, "\"run_at\" must be an RFC 3339 time such as 2027-01-31T08:00:00Z"};
    }
    const auto attempts = integer_field(*object, "max_attempts", 1, 100);
    if (!attempts) return attempts.error();
    job.max_attempts = static_cast<int>(attempts->value_or(job.max_attempts));
    const auto timeout = number_field(*object, "timeout_seconds", 0.001, 86'400);
    if (!timeout) return timeout.error();
    job.timeout_seconds = timeout->value_or(job.timeout_seconds);
    auto tags = read_tags(*object);
    if (!tags) return tags.error();
    job.tags = std::move(*tags);
    return job;
}

std::string write_job(const model::Job& job, Timestamp now) { return job_members(job, now) + "}"; }

std::string write_job(const jobs::JobDetail& detail, Timestamp now) {
    std::string out = job_members(detail.job, now) + R"(,"attempts":[)";
    for (const auto& attempt : detail.attempts)
        out += fmt::format(R"({}{{"attempt":{},"started_at":{},"ended_at":{},"outcome":"{}","error":{}}})",
                           &attempt == &detail.attempts.front() ? "" : ",", attempt.number, moment(attempt.started_at),
                           moment(attempt.ended_at), attempt.outcome, write_error(attempt.error));
    out += R"(],"timeline":[)";
    const auto moments = timeline(detail);
    for (const auto& each : moments)
        out += fmt::format(R"({}{{"at":{},"event":{}}})", &each == &moments.front() ? "" : ",", moment(each.at), json_text(each.event));
    return out + "]}";
}

std::string write_jobs(const std::vector<model::Job>& jobs, int limit, Timestamp now) {
    std::string out = R"({"data":[)";
    for (const auto& job : jobs) {
        if (&job != &jobs.front()) out += ',';
        out += write_job(job, now);
    }
    const bool more = static_cast<int>(jobs.size()) == limit;
    return out + fmt::format(R"(],"meta":{{"next_cursor":{}}}}})", more ? json_text(jobs.back().id.text()) : "null");
}

std::string write_result(const model::Job& job, const jobs::JobOutlook& outlook) {
    switch (job.state) {
    case JobState::scheduled:
    case JobState::blocked:
    case JobState::queued: return fmt::format(R"({{"status":"queued","position":{}}})", outlook.position.value_or(0));
    case JobState::running:
        return fmt::format(R"({{"status":"processing","progress_percent":{},"estimated_seconds_remaining":{}}})",
                           outlook.progress_percent.value_or(job.progress_percent),
                           outlook.seconds_remaining ? fmt::format("{:.1f}", *outlook.seconds_remaining) : "null");
    case JobState::succeeded: {
        const auto result = json::parse(job.result);
        const auto* object = result.if_object();
        const auto* version = object ? object->if_contains("model_version") : nullptr;
        return fmt::format(R"({{"status":"complete","result":{},"model_version":{}}})", job.result, version ? json::serialize(*version) : "null");
    }
    case JobState::dead:
    case JobState::cancelled:
    case JobState::expired: break;
    }
    const std::string reason = job.state == JobState::dead && job.error ? job.error->message : std::string{model::name(job.state)};
    return fmt::format(R"({{"status":"failed","error":{},"attempts":{}}})", json_text(reason), job.attempt);
}

} // namespace millrace::api
