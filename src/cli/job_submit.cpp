#include "cli/job_submit.hpp"

#include "cli/context.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <sstream>

namespace millrace::cli {
namespace {

std::pair<std::string, std::string> pair_of(const std::string& text, std::string_view option, std::string_view form) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) throw Failure{usage, fmt::format("{} takes {}, not \"{}\"", option, form, text)};
    return {text.substr(0, equals), text.substr(equals + 1)};
}

std::string argument_text(const std::string& argument) {
    std::ostringstream text;
    if (argument == "-") {
        text << std::cin.rdbuf();
    } else if (argument.starts_with('@')) {
        std::ifstream file{argument.substr(1), std::ios::binary};
        if (!file) throw Failure{failed, "cannot read " + argument.substr(1)};
        text << file.rdbuf();
    } else {
        return argument;
    }
    return text.str();
}

json::value payload_of(const SubmitOptions& options) {
    if (!options.payload.empty()) return json_argument(options.payload, "--payload");
    if (options.model.empty()) return json::object{};
    json::object payload;
    const auto slash = options.model.find('/');
    payload["model"] = options.model.substr(0, slash);
    if (slash != std::string::npos) payload["version"] = options.model.substr(slash + 1);
    const auto parts = parts_of(options);
    if (parts.size() != 1) throw Failure{usage, "--model takes exactly one --file as its input; anything else needs --payload"};
    payload["input"] = {{"$part", parts.front().name}};
    return payload;
}

} // namespace

json::value json_argument(const std::string& argument, std::string_view option) {
    auto value = parse_json(argument_text(argument));
    if (!value) throw Failure{usage, fmt::format("{} is {}", option, value.error().detail)};
    return std::move(*value);
}

std::vector<FilePart> parts_of(const SubmitOptions& options) {
    std::vector<FilePart> out;
    for (const auto& file : options.files) {
        auto [name, path] = pair_of(file, "--file", "NAME=PATH");
        if (name == "job") throw Failure{usage, "--file cannot be called job: that part carries the job itself"};
        out.push_back({std::move(name), std::move(path)});
    }
    return out;
}

json::object job_of(const SubmitOptions& options) {
    json::object job;
    job["kind"] = options.kind.empty() && !options.model.empty() ? "infer" : options.kind;
    if (job["kind"] == "") throw Failure{usage, "--kind is missing: echo, sleep or infer"};
    job["payload"] = payload_of(options);
    if (!options.queue.empty()) job["queue"] = options.queue;
    if (!options.run_at.empty()) job["run_at"] = options.run_at;
    if (options.priority >= 0) job["priority"] = options.priority;
    if (options.max_attempts > 0) job["max_attempts"] = options.max_attempts;
    if (options.timeout_seconds > 0) job["timeout_seconds"] = options.timeout_seconds;
    json::object tags;
    for (const auto& tag : options.tags) {
        const auto [name, value] = pair_of(tag, "--tag", "NAME=VALUE");
        tags[name] = value;
    }
    if (!tags.empty()) job["tags"] = std::move(tags);
    return job;
}

} // namespace millrace::cli
