#include "cli/jobs/job_submit.hpp"

#include "cli/context.hpp"
#include "cli/option_values.hpp"

namespace millrace::cli {
namespace {

json::value payload_of(const SubmitOptions& options) {
    if (!options.payload.empty()) return kept_value(options.payload, "--payload");
    if (options.model.empty()) return json::object{};
    json::object payload;
    const auto slash = options.model.find('/');
    payload["model"] = options.model.substr(0, slash);
    if (slash != std::string::npos) payload["version"] = options.model.substr(slash + 1);
    const auto parts = parts_of(options);
    if (parts.size() != 1)
        throw Failure{usage, "--model takes exactly one --file as its input; anything else needs --payload"};
    payload["input"] = {{"$part", parts.front().name}};
    return payload;
}

// ID, or ID=POLICY.
json::array dependencies_of(const SubmitOptions& options) {
    json::array out;
    for (const auto& each : options.depends_on) {
        const auto equals = each.find('=');
        if (equals == std::string::npos) out.emplace_back(each);
        else out.push_back(json::object{{"job", each.substr(0, equals)}, {"on_failure", each.substr(equals + 1)}});
    }
    return out;
}

void set_unique(json::object& job, const SubmitOptions& options) {
    const bool more = !options.unique_states.empty() || options.unique_period > 0;
    if (options.unique_key.empty() && more)
        throw Failure{usage, "--unique-states and --unique-period belong to a --unique-key"};
    if (options.unique_key.empty()) return;
    if (!more) {
        job["unique_key"] = options.unique_key;
        return;
    }
    json::object unique{{"key", options.unique_key}};
    if (!options.unique_states.empty())
        unique["states"] = json::array(options.unique_states.begin(), options.unique_states.end());
    if (options.unique_period > 0) unique["period_seconds"] = options.unique_period;
    job["unique"] = std::move(unique);
}

void set_times(json::object& job, const SubmitOptions& options) {
    const auto set = [&](const char* member, const std::string& text, const char* option) {
        if (!text.empty()) job[member] = moment_value(text, option);
    };
    set("run_at", options.run_at, "--run-at");
    set("expires_at", options.expires_at, "--expires-at");
    set("deadline_at", options.deadline_at, "--deadline-at");
}

} // namespace

std::vector<FilePart> parts_of(const SubmitOptions& options) {
    std::vector<FilePart> out;
    for (const auto& file : options.files) {
        auto [name, path] = pair_value(file, "--file", "NAME=PATH");
        if (name == "job") throw Failure{usage, "--file cannot be called job: that part carries the job itself"};
        out.push_back({std::move(name), std::move(path)});
    }
    return out;
}

json::object job_of(const SubmitOptions& options) {
    json::object job;
    job["kind"] = options.kind.empty() && !options.model.empty() ? "infer" : options.kind;
    if (job["kind"] == "")
        throw Failure{usage,
                      "--kind is missing: echo, sleep, infer, exec, or what the workers of an external queue take"};
    job["payload"] = payload_of(options);
    if (!options.queue.empty()) job["queue"] = options.queue;
    set_times(job, options);
    if (options.priority >= 0) job["priority"] = options.priority;
    if (options.max_attempts > 0) job["max_attempts"] = options.max_attempts;
    if (options.timeout_seconds > 0) job["timeout_seconds"] = options.timeout_seconds;
    if (!options.retry.empty()) job["retry"] = retry_value(options.retry, "--retry");
    set_unique(job, options);
    if (auto parents = dependencies_of(options); !parents.empty()) job["depends_on"] = std::move(parents);
    json::object tags;
    for (const auto& tag : options.tags) {
        const auto [name, value] = pair_value(tag, "--tag", "NAME=VALUE");
        tags[name] = value;
    }
    if (!tags.empty()) job["tags"] = std::move(tags);
    return job;
}

} // namespace millrace::cli
