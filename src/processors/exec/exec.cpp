#include "processors/exec/exec.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "processors/exec/program.hpp"
#include "processors/exec/verdict.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace millrace::processors {
namespace {

using jobs::Failure;
using jobs::Outcome;

constexpr KeptMember kept[] = {{"", "input"}}; // the command gets it as it was sent

// A payload that was read, its input as the text that the program gets.
struct Asked {
    std::string command, input;
};

// The name of the command.
Result<std::string> read_call(const json::value& payload) {
    const auto* object = payload.if_object();
    if (!object)
        return Error{Code::unprocessable,
                     "the payload of an exec job is an object: {\"command\":\"NAME\",\"input\":…}"};
    if (const auto known = only_fields(*object, {"command", "input"}); !known) return known.error();
    const auto command = string_field(*object, "command", 64);
    if (!command) return command.error();
    if (!*command)
        return Error{Code::unprocessable,
                     "an exec job needs \"command\", the name of a command that is configured here"};
    return **command;
}

std::string input_of(const json::value& payload) {
    const auto* input = payload.as_object().if_contains("input");
    return input ? json_text(*input) : "null";
}

Outcome never(std::string code, std::string message) {
    return Failure{Failure::Kind::permanent, {std::move(code), std::move(message)}, {}};
}
Outcome later(std::string code, std::string message) {
    return Failure{Failure::Kind::retryable, {std::move(code), std::move(message)}, {}};
}

// Nothing of the daemon's own environment: it may hold secrets.
std::vector<std::string> environment(const ExecCommand& command, const jobs::Attempt& attempt,
                                     const std::filesystem::path& scratch) {
    std::vector<std::string> all = command.environment;
    const auto add = [&](const std::string& name, const std::string& value) {
        const auto names_it = [&](const std::string& pair) { return pair.starts_with(name + "="); };
        if (std::ranges::none_of(all, names_it)) all.push_back(name + "=" + value);
    };
    const auto id = attempt.job.text();
    add("PATH", "/usr/local/bin:/usr/bin:/bin");
    add("LANG", "C.UTF-8");
    add("HOME", scratch.string());
    add("TMPDIR", scratch.string());
    add("MILLRACE_JOB_ID", id);
    add("MILLRACE_ATTEMPT", fmt::format("{}", attempt.number));
    add("MILLRACE_IDEMPOTENCY_KEY", id);
    return all;
}

} // namespace

Exec::Exec(ExecOptions options, async::ThreadPool& work) : options_{std::move(options)}, work_{work} {
    for (const auto& command : options_.commands) commands_.try_emplace(command.name, command);
    std::error_code ignored; // what stays is only in the way of the disk; each attempt has a new name
    std::filesystem::remove_all(options_.scratch, ignored);
}

std::size_t Exec::concurrency() const {
    std::size_t sum = 0;
    for (const auto& [name, listed] : commands_) sum += listed.command.concurrency;
    return std::max<std::size_t>(sum, 1); // jobs of a command that is no longer listed must still come to their end
}

Result<void> Exec::known(const OrganizationId& organization, const std::string& name) const {
    const auto serves = [&](const Listed& listed) {
        return !listed.command.organizations || listed.command.organizations->contains(organization);
    };
    std::vector<std::string_view> names;
    for (const auto& [each, listed] : commands_) {
        if (!serves(listed)) continue;
        if (each == name) return success();
        names.push_back(each);
    }
    if (names.empty())
        return Error{Code::unprocessable, "no commands are configured here for your organization: an administrator "
                                          "lists them as [exec.NAME] in the configuration"};
    return Error{Code::unprocessable,
                 fmt::format("there is no command \"{}\"; configured are {}", name, fmt::join(names, ", "))};
}

Result<void> Exec::check(OrganizationId organization, const json::value& payload) const {
    const auto call = read_call(payload);
    return call ? known(organization, *call) : Result<void>{call.error()};
}

awaitable<Outcome> Exec::run(jobs::Attempt attempt) {
    // Not on the dispatcher's thread: a payload may be large.
    auto read = [text = attempt.payload]() -> Result<Asked> {
        const auto payload = parse_json(text, kept);
        if (!payload) return payload.error();
        auto command = read_call(*payload);
        if (!command) return command.error();
        return Asked{std::move(*command), input_of(*payload)};
    };
    auto call = co_await work_.run(std::move(read));
    if (!call && call.error().code == Code::unavailable) co_return later("unavailable", call.error().detail);
    if (!call) co_return never("bad_payload", call.error().detail);
    if (const auto listed = known(attempt.organization, call->command); !listed)
        co_return never("unknown_command", listed.error().detail);
    auto& [command, seats] = commands_.find(call->command)->second;
    const auto seat = co_await seats.take(attempt.deadline);
    if (!seat)
        co_return later("timed_out", fmt::format("{} of {} ran all the time", command.concurrency, command.name));
    co_return co_await run_program(command, std::move(attempt), std::move(call->input));
}

awaitable<Outcome> Exec::run_program(const ExecCommand& command, jobs::Attempt attempt, std::string input) const {
    Launch launch;
    launch.executable = options_.executable;
    launch.scratch = options_.scratch / Uuid::make().text();
    launch.command = command.command;
    launch.environment = environment(command, attempt, launch.scratch);
    launch.input = std::move(input);
    launch.memory_bytes = command.memory_bytes;
    launch.max_output_bytes = command.max_output_bytes;
    launch.time_limit = command.timeout;
    launch.grace = options_.grace;

    std::weak_ptr<Program> program; // which holds what goes on with this coroutine, and so must not be held by it
    const auto executor = co_await asio::this_coro::executor;
    auto start = [&](std::function<void(Result<Finished>)> done) {
        auto started = Program::start(executor, std::move(launch), attempt.progress, done);
        if (started) program = *started;
        else done(started.error());
    };
    // All of this happens on the coroutine's executor; asio clears the slot when the coroutine goes on.
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (auto slot = cancellation.slot(); slot.is_connected())
        slot.assign([&program](asio::cancellation_type) {
            if (const auto running = program.lock()) running->stop();
        });
    auto finished = co_await async::completion<Result<Finished>>(std::move(start));
    if (!finished) co_return later("not_started", finished.error().detail);
    if (auto failure = failure_of(command, *finished)) co_return std::move(*failure);
    auto read = [output = std::move(finished->output)] { return Result<std::string>{output.result()}; };
    auto result = co_await work_.run(std::move(read));
    if (!result) co_return later("unavailable", result.error().detail);
    co_return jobs::Success{std::move(*result), {}};
}

} // namespace millrace::processors
