#include "api/leases/lease_json.hpp"

#include "api/jobs/job_input.hpp"
#include "api/jobs/job_json.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace millrace::api {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t longest_message = 16 << 10, longest_code = 64, longest_worker = 100;
constexpr double longest_retry_after = 30.0 * 86'400;

milliseconds from_seconds(double seconds) { return milliseconds{std::llround(seconds * 1000)}; }
double seconds(milliseconds time) { return std::chrono::duration<double>(time).count(); }

Result<values::JobError> read_error(const json::object& object) {
    const Error wrong{Code::unprocessable,
                      "\"error\" must be a text, or {\"code\":\"no_paper\",\"message\":\"the printer is empty\"}"};
    const auto* value = field(object, "error");
    if (!value) return wrong;
    if (const auto* text = value->if_string()) {
        if (text->empty() || text->size() > longest_message) return wrong;
        return values::JobError{"failed", std::string{text->data(), text->size()}};
    }
    const auto* members = value->if_object();
    if (!members || !only_fields(*members, {"code", "message"})) return wrong;
    auto code = string_field(*members, "code", longest_code),
         message = string_field(*members, "message", longest_message);
    if (!code) return code.error();
    if (!message) return message.error();
    if (!*message || (*message)->empty() || (*code && (*code)->empty())) return wrong;
    return values::JobError{code->value_or("failed"), std::move(**message)};
}

void append_job(std::string& out, const values::Job& job) {
    const auto id = job.id.text();
    fmt::format_to(
        std::back_inserter(out),
        R"({{"id":"{}","idempotency_key":"{}","kind":{},"queue":{},"priority":{},"attempt":{},"max_attempts":{},)"
        R"("timeout_seconds":{},"payload":{},"tags":{},"created_at":{})",
        id, id, json_text(job.kind), json_text(job.queue), job.priority, job.attempt, job.max_attempts,
        job.timeout_seconds, job.payload, job.tags, json_moment(job.created_at));
    if (job.deadline_at) fmt::format_to(std::back_inserter(out), R"(,"deadline_at":{})", json_moment(job.deadline_at));
    if (job.flow)
        fmt::format_to(std::back_inserter(out), R"(,"flow":{{"id":"{}","ref":{}}})", job.flow->text(),
                       json_text(job.flow_ref));
    out += '}';
}

} // namespace

Result<jobs::LeaseRequest> read_lease_request(const json::object& object, std::string queue) {
    if (const auto known = only_fields(object, {"worker", "max", "wait_seconds", "lease_seconds"}); !known)
        return known.error();
    auto worker = string_field(object, "worker", longest_worker);
    if (!worker) return worker.error();
    if (!*worker || (*worker)->empty())
        return Error{Code::unprocessable, "\"worker\" is missing: a name that tells people which worker has a job"};
    const auto most = integer_field(object, "max", 1, 1000);
    if (!most) return most.error();
    const auto wait = number_field(object, "wait_seconds", 0, 60);
    if (!wait) return wait.error();
    const auto lease = number_field(object, "lease_seconds", 1, 86'400);
    if (!lease) return lease.error();
    return jobs::LeaseRequest{.queue = std::move(queue),
                              .worker = std::move(**worker),
                              .most = static_cast<std::size_t>(most->value_or(10)),
                              .wait = from_seconds(wait->value_or(20)),
                              .lease = from_seconds(lease->value_or(30))};
}

std::string write_leases(const std::vector<jobs::LeasedJob>& leases) {
    std::string out = R"({"data":[)";
    out.reserve(32 + leases.size() * 512);
    for (const auto& each : leases) {
        fmt::format_to(std::back_inserter(out), R"({}{{"lease_token":"{}","lease_seconds":{},"job":)",
                       &each == &leases.front() ? "" : ",", each.token.text(), seconds(each.lease));
        append_job(out, each.job);
        out += '}';
    }
    return out + "]}";
}

Result<std::optional<int>> read_heartbeat(const json::object& object) {
    if (const auto known = only_fields(object, {"progress_percent"}); !known) return known.error();
    const auto percent = number_field(object, "progress_percent", 0, 100);
    if (!percent) return percent.error();
    return *percent ? std::optional{static_cast<int>(**percent)} : std::nullopt;
}

Result<std::string> read_completion(const json::object& object) {
    if (const auto known = only_fields(object, {"result"}); !known) return known.error();
    return text_field(object, "result").value_or("null");
}

Result<FailureReport> read_failure(const json::object& object) {
    if (const auto known = only_fields(object, {"error", "retryable", "retry_after_seconds"}); !known)
        return known.error();
    auto error = read_error(object);
    if (!error) return error.error();
    const auto retryable = boolean_field(object, "retryable");
    if (!retryable) return retryable.error();
    const auto after = number_field(object, "retry_after_seconds", 0, longest_retry_after);
    if (!after) return after.error();
    FailureReport report{std::move(*error), retryable->value_or(true), {}};
    if (*after) report.retry_after = from_seconds(**after);
    return report;
}

} // namespace millrace::api
