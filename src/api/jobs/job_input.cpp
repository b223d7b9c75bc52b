#include "api/jobs/job_input.hpp"

#include "base/json_text.hpp"
#include "values/queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace millrace::api {
namespace {

using values::NewJob;

constexpr std::size_t most_dependencies = 1000, longest_key = 255;
constexpr double longest_period = 366.0 * 86'400;

Error wrong(std::string_view what) { return {Code::unprocessable, std::string{what}}; }

// One reader a member, called for each member that is there: a submit costs what it says, not what it could say.
using Read = Result<void> (*)(const json::object& object, NewJob& job);

// Sets `target` when the member is there and right.
template <class T, class U>
Result<void> into(Result<std::optional<T>> value, U& target) {
    if (!value) return value.error();
    if (*value) target = std::move(**value);
    return success();
}

Result<void> read_kind(const json::object& object, NewJob& job) {
    return into(string_field(object, "kind", 64), job.kind);
}

Result<void> read_queue(const json::object& object, NewJob& job) {
    if (auto done = into(string_field(object, "queue", 63), job.queue); !done) return done;
    if (!values::is_queue_name(job.queue))
        return wrong("\"queue\" must be a word of a-z, 0-9, _ and -, 63 bytes at most");
    return success();
}

Result<void> read_priority(const json::object& object, NewJob& job) {
    return into(integer_field(object, "priority", values::lowest_priority, values::highest_priority), job.priority);
}

Result<void> read_max_attempts(const json::object& object, NewJob& job) {
    return into(integer_field(object, "max_attempts", 1, values::most_attempts), job.max_attempts);
}

Result<void> read_timeout(const json::object& object, NewJob& job) {
    return into(number_field(object, "timeout_seconds", values::least_timeout_seconds, values::most_timeout_seconds),
                job.timeout_seconds);
}

Result<void> read_run_at(const json::object& object, NewJob& job) {
    return into(time_field(object, "run_at"), job.run_at);
}
Result<void> read_expires_at(const json::object& object, NewJob& job) {
    return into(time_field(object, "expires_at"), job.expires_at);
}
Result<void> read_deadline_at(const json::object& object, NewJob& job) {
    return into(time_field(object, "deadline_at"), job.deadline_at);
}

Result<void> read_retry(const json::object& object, NewJob& job) {
    const auto* value = field(object, "retry");
    if (!value) return success();
    auto policy = values::RetryPolicy::from_json(*value);
    if (!policy) return policy.error();
    job.retry = std::move(*policy);
    return success();
}

Result<std::string> read_key(const json::object& object, std::string_view name) {
    auto key = string_field(object, name, longest_key);
    if (!key) return key.error();
    if (!*key || (*key)->empty())
        return wrong(fmt::format("\"{}\" must be a text of 1 to {} bytes", name, longest_key));
    return std::move(**key);
}

Result<void> read_unique_key(const json::object& object, NewJob& job) {
    if (!field(object, "unique_key")) return success();
    if (field(object, "unique"))
        return wrong("give \"unique_key\" or \"unique\", not both: \"unique\" has the key too");
    auto key = read_key(object, "unique_key");
    if (!key) return key.error();
    job.unique.emplace().key = std::move(*key);
    return success();
}

Result<std::vector<values::JobState>> read_states(const json::value& value) {
    const auto bad = wrong("\"unique\": \"states\" is a list of states such as [\"queued\",\"running\",\"succeeded\"]");
    const auto* list = value.if_array();
    if (!list || list->empty() || list->size() > 8) return bad;
    std::vector<values::JobState> states;
    for (const auto& each : *list) {
        const auto state = each.is_string() ? values::job_state(std::string_view{each.get_string()}) : std::nullopt;
        if (!state) return bad;
        states.push_back(*state);
    }
    return states;
}

Result<void> read_unique(const json::object& object, NewJob& job) {
    const auto* value = field(object, "unique");
    if (!value) return success();
    const auto* unique = value->if_object();
    if (!unique)
        return wrong("\"unique\" must be an object: "
                     "{\"key\":\"order-17\",\"states\":[\"queued\",\"running\"],\"period_seconds\":3600}");
    if (const auto known = only_fields(*unique, {"key", "states", "period_seconds"}); !known)
        return wrong("\"unique\": " + known.error().detail);
    auto key = read_key(*unique, "key");
    if (!key) return wrong("\"unique\": " + key.error().detail);
    values::Unique wanted;
    wanted.key = std::move(*key);
    if (const auto* states = field(*unique, "states")) {
        auto read = read_states(*states);
        if (!read) return read.error();
        wanted.states = std::move(*read);
    }
    const auto period = number_field(*unique, "period_seconds", 0.001, longest_period);
    if (!period) return wrong("\"unique\": " + period.error().detail);
    if (*period) wanted.period = std::chrono::microseconds{static_cast<std::int64_t>(**period * 1e6)};
    job.unique = std::move(wanted);
    return success();
}

Result<void> read_depends_on(const json::object& object, NewJob& job) {
    const auto* value = field(object, "depends_on");
    if (!value) return success();
    const auto* list = value->if_array();
    if (!list || list->size() > most_dependencies)
        return wrong(fmt::format("\"depends_on\" must be a list of at most {} jobs", most_dependencies));
    job.depends_on.reserve(list->size());
    for (const auto& each : *list) {
        const auto dependency = read_dependency(each);
        if (!dependency) return dependency.error();
        const auto same = [&](const auto& earlier) { return earlier.parent == dependency->parent; };
        if (std::any_of(job.depends_on.begin(), job.depends_on.end(), same))
            return wrong(fmt::format("\"depends_on\" names the job {} twice", dependency->parent.text()));
        job.depends_on.push_back(*dependency);
    }
    return success();
}

Result<void> read_tags(const json::object& object, NewJob& job) {
    const auto* value = field(object, "tags");
    if (!value) return success();
    const auto* tags = value->if_object();
    const auto bad = wrong("\"tags\" must be an object of at most 32 strings of at most 256 bytes");
    if (!tags || tags->size() > 32) return bad;
    for (const auto& tag : *tags)
        if (!tag.value().is_string() || tag.value().get_string().size() > 256 || tag.key().size() > 64) return bad;
    job.tags = *tags;
    return success();
}

struct Member {
    std::string_view name;
    Read read;
};
constexpr std::array members{Member{"kind", read_kind},
                             Member{"queue", read_queue},
                             Member{"priority", read_priority},
                             Member{"tags", read_tags},
                             Member{"run_at", read_run_at},
                             Member{"unique_key", read_unique_key},
                             Member{"max_attempts", read_max_attempts},
                             Member{"timeout_seconds", read_timeout},
                             Member{"retry", read_retry},
                             Member{"depends_on", read_depends_on},
                             Member{"expires_at", read_expires_at},
                             Member{"deadline_at", read_deadline_at},
                             Member{"unique", read_unique}};

Result<void> read_members(const json::object& object, NewJob& job) {
    for (const auto& each : object) {
        const std::string_view name{each.key()};
        if (name == "payload") continue;
        const auto member =
            std::find_if(members.begin(), members.end(), [&](const Member& known) { return known.name == name; });
        if (member == members.end()) return wrong(fmt::format("unknown field \"{}\"", name));
        if (auto done = member->read(object, job); !done) return done;
    }
    if (job.kind.empty()) return wrong("\"kind\" is missing: what kind of job it is, such as \"echo\"");
    return success();
}

Error no_object() { return wrong("a job is a JSON object: {\"kind\":\"echo\",\"payload\":{}}"); }

} // namespace

Result<NewJob> read_new_job(const json::object& object) {
    NewJob job;
    if (auto payload = text_field(object, "payload")) job.payload = std::move(*payload);
    if (auto done = read_members(object, job); !done) return done.error();
    return job;
}

Result<NewJob> read_new_job(const json::value& document) {
    const auto* object = document.if_object();
    if (!object) return no_object();
    return read_new_job(*object);
}

Result<NewJob> read_new_job_text(std::string_view text) {
    const auto document = parse_json(text, submit_texts);
    if (!document) return document.error();
    return read_new_job(*document);
}

std::optional<std::string> text_field(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value ? std::optional{millrace::json_text(*value)} : std::nullopt;
}

Result<values::OnFailure> read_on_failure(const json::object& edge) {
    const auto name = string_field(edge, "on_failure", 16);
    if (!name) return name.error();
    if (!*name) return values::OnFailure::fail;
    if (const auto policy = values::on_failure(**name)) return *policy;
    return wrong("\"on_failure\" must be fail, ignore or wait");
}

Result<values::Dependency> read_dependency(const json::value& value) {
    const auto bad = wrong("\"depends_on\" lists ids of jobs, or {\"job\":\"<id>\",\"on_failure\":\"fail\"}");
    if (const auto* text = value.if_string()) {
        const auto id = JobId::parse(*text);
        return id ? Result<values::Dependency>{values::Dependency{*id, values::OnFailure::fail}} : bad;
    }
    const auto* object = value.if_object();
    if (!object) return bad;
    if (const auto known = only_fields(*object, {"job", "on_failure"}); !known)
        return wrong("\"depends_on\": " + known.error().detail);
    const auto* job = field(*object, "job");
    const auto id = job && job->is_string() ? JobId::parse(std::string_view{job->get_string()}) : std::nullopt;
    if (!id) return bad;
    const auto policy = read_on_failure(*object);
    if (!policy) return policy.error();
    return values::Dependency{*id, *policy};
}

Result<std::optional<Timestamp>> time_field(const json::object& object, std::string_view name) {
    const auto text = string_field(object, name, 64);
    if (!text) return text.error();
    if (!*text) return std::optional<Timestamp>{};
    const auto time = Timestamp::parse(**text);
    if (!time) return wrong(fmt::format("\"{}\" must be an RFC 3339 time such as 2027-01-31T08:00:00Z", name));
    return time;
}

} // namespace millrace::api
