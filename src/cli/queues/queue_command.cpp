#include "base/json_text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/option_values.hpp"
#include "cli/queues/queue_view.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

struct SetOptions {
    std::string name, retry;
    std::optional<std::int64_t> concurrency, max_backlog, max_attempts, priority;
    std::optional<double> rate, timeout_seconds;
    std::optional<bool> external, breaker;
    std::vector<std::string> unset;
};

struct PauseOptions {
    std::string name, reason, until;
};

std::string path_of(const std::string& name, std::string_view rest = "") {
    return fmt::format("/api/v1/queues/{}{}", encoded(name), rest);
}

int list(Context& context) {
    const auto reply = Client{context}.call({.target = "/api/v1/queues"});
    if (context.json) print_raw(context, reply.body);
    else print_queues(context, reply.json());
    return done;
}

int print(Context& context, const Reply& reply) {
    if (context.json) print_raw(context, reply.body);
    else print_queue(context, reply.json());
    return done;
}

int show(Context& context, const std::string& name) {
    return print(context, Client{context}.call({.target = path_of(name)}));
}

// What is set now; nothing where the queue is new.
json::object settings_of(const Client& client, const std::string& name) {
    try {
        const auto queue = client.get(path_of(name));
        const auto* settings = find(queue, {"settings"});
        return settings && settings->is_object() ? settings->get_object() : json::object{};
    } catch (const Failure& failure) {
        if (failure.status != 404) throw;
        return {};
    }
}

// The options that were given, over what is set.
void change(json::object& settings, const SetOptions& options) {
    const auto set = [&](const char* member, const auto& value) {
        if (value) settings[member] = *value;
    };
    for (const auto& name : options.unset) settings.erase(name);
    set("external", options.external);
    set("breaker", options.breaker);
    set("concurrency", options.concurrency);
    set("rate", options.rate);
    set("max_backlog", options.max_backlog);
    set("max_attempts", options.max_attempts);
    set("priority", options.priority);
    set("timeout_seconds", options.timeout_seconds);
    if (!options.retry.empty()) settings["retry"] = retry_value(options.retry, "--retry");
}

int set(Context& context, const SetOptions& options) {
    json::object given;
    change(given, options);
    if (given.empty() && options.unset.empty()) throw Failure{usage, "nothing to set; see: millrace queue set --help"};
    const Client client{context};
    auto settings = settings_of(client, options.name);
    change(settings, options);
    Body body;
    body.add_text(json_text(settings));
    return print(
        context,
        client.call(
            {.method = "PUT", .target = path_of(options.name), .content_type = "application/json", .body = &body}));
}

int pause(Context& context, const PauseOptions& options) {
    json::object body{{"reason", options.reason}};
    if (!options.until.empty()) body["until"] = moment_value(options.until, "--until");
    return print(context, Client{context}.post_json(path_of(options.name, "/pause"), body));
}

int resume(Context& context, const std::string& name) {
    return print(context, Client{context}.call({.method = "POST", .target = path_of(name, "/resume")}));
}

void add_set(CLI::App& group, Context& context) {
    auto options = std::make_shared<SetOptions>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("set", "Change settings of a queue; what is not named stays as it is");
    command->add_option("name", options->name, "Name of the queue, new or not")->required()->type_name("");
    command->add_option("--concurrency", options->concurrency, "Jobs of it that run at once")
        ->check(CLI::Range(1, 1'000'000))
        ->type_name("N");
    command->add_option("--rate", options->rate, "Jobs begun per second")
        ->check(CLI::Range(0.0001, 1e6))
        ->type_name("N");
    command->add_option("--max-backlog", options->max_backlog, "Jobs that may wait in it; more are refused")
        ->check(CLI::Range(1, 100'000'000))
        ->type_name("N");
    command->add_option("--priority", options->priority, "Of jobs that name none")
        ->check(CLI::Range(0, 9))
        ->type_name("N");
    command->add_option("--max-attempts", options->max_attempts, "Of jobs that name none")
        ->check(CLI::Range(1, 100))
        ->type_name("N");
    command->add_option("--timeout-seconds", options->timeout_seconds, "Of jobs that name none")
        ->check(CLI::Range(0.001, 86400.0))
        ->type_name("S");
    command
        ->add_option("--retry", options->retry, "Of jobs that name none: a back-off's name, seconds (1,5,30), or JSON")
        ->type_name("POLICY");
    command
        ->add_option("--external", options->external,
                     "Worked by lease, by workers outside the daemon; takes jobs of any kind")
        ->type_name("true|false");
    command->add_option("--breaker", options->breaker, "Whether too many failures stop it")->type_name("true|false");
    command->add_option("--unset", options->unset, "Back to the default, may be repeated: concurrency, rate, retry …")
        ->type_name("SETTING")
        ->take_all();
    command->footer("Examples:\n"
                    "  millrace queue set mail --concurrency 4 --rate 20 --retry 60,600,3600\n"
                    "  millrace queue set print --external true\n"
                    "  millrace queue set mail --unset rate");
    command->callback([&context, options] { context.action = [&context, options] { return set(context, *options); }; });
}

void add_pause(CLI::App& group, Context& context) {
    auto options = std::make_shared<PauseOptions>();
    auto* command =
        group.add_subcommand("pause", "Begin no more jobs of a queue; those that run go on, new ones are taken");
    command->add_option("name", options->name, "Name of the queue")->required()->type_name("");
    command->add_option("--reason", options->reason, "Why, for those who find it paused")
        ->required()
        ->type_name("TEXT");
    command->add_option("--until", options->until, "Resumes by itself then: RFC 3339, or from now 90s, 30m, 2h, 7d")
        ->type_name("TIME");
    command->footer("Examples:\n"
                    "  millrace queue pause mail --reason 'the relay is down' --until 30m");
    command->callback(
        [&context, options] { context.action = [&context, options] { return pause(context, *options); }; });
}

template <class Perform>
void add_by_name(CLI::App& group, Context& context, const char* name, const char* help, Perform perform) {
    auto queue = std::make_shared<std::string>();
    auto* command = group.add_subcommand(name, help);
    command->add_option("name", *queue, "Name of the queue")->required()->type_name("");
    command->footer(fmt::format("Examples:\n  millrace queue {} mail", name));
    command->callback([&context, queue, perform] {
        context.action = [&context, queue, perform] { return perform(context, *queue); };
    });
}

} // namespace

void add_queue(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("queue", "Look at queues, set their limits, pause and resume them");
    group->require_subcommand(1, 1);
    auto* list_command = group->add_subcommand("list", "List queues with their depth, rates and limits");
    list_command->footer("Examples:\n"
                         "  millrace queue list\n"
                         "  millrace queue list --json | jq -r '.data[] | select(.paused) | .name'");
    list_command->callback([&context] { context.action = [&context] { return list(context); }; });
    add_by_name(*group, context, "show", "Show a queue and its settings", show);
    add_set(*group, context);
    add_pause(*group, context);
    add_by_name(*group, context, "resume", "Begin jobs of a paused queue again", resume);
}

} // namespace millrace::cli
