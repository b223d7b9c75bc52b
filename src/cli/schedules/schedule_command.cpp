#include "base/id.hpp"
#include "base/json_text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/jobs/job_submit.hpp"
#include "cli/option_values.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

constexpr char root[] = "/api/v1/schedules";

struct AddOptions {
    std::string name, cron, zone, missed, job;
    SubmitOptions submit;
};

struct ListOptions {
    std::string cursor;
    int limit = 50;
};

// The path of a schedule that is named by its name or its id.
std::string path_of(const Client& client, const std::string& which, std::string_view rest = "") {
    std::string id = which;
    if (!Uuid::parse(which)) {
        const auto page = client.get(fmt::format("{}?name={}", root, encoded(which)));
        const auto* data = find(page, {"data"});
        if (!data || !data->is_array() || data->get_array().empty())
            throw Failure{failed,
                          fmt::format("there is no schedule \"{}\"; `millrace schedule list` shows those there are",
                                      which)};
        id = member(data->get_array().front(), "id");
    }
    return fmt::format("{}/{}{}", root, encoded(id), rest);
}

std::string state_of(const json::value& schedule) {
    if (find(schedule, {"paused_at"})) return "paused";
    return find(schedule, {"last_error"}) ? "refused" : "active";
}

void print_schedules(Context& context, const json::value& page) {
    const auto now = SystemClock::instance().now();
    Table table{{{.title = "NAME", .elastic = true},
                 {.title = "CRON"},
                 {.title = "ZONE"},
                 {.title = "NEXT", .align = Table::Align::right},
                 {.title = "LAST", .align = Table::Align::right},
                 {.title = "STATE", .is_state = true},
                 {.title = "NOTE", .elastic = true}}};
    if (const auto* data = find(page, {"data"}); data && data->is_array())
        for (const auto& each : data->get_array())
            table.row({member(each, "name"), member(each, "cron"), member(each, "time_zone"),
                       age(each, "next_run_at", now), age(each, "last_run_at", now), state_of(each),
                       find(each, {"last_error"}) ? member(each, "last_error") : ""});
    if (table.empty()) {
        context.err << "no schedules yet: millrace schedule add nightly '30 2 * * *' --kind echo\n";
        return;
    }
    table.print(context);
    if (const auto cursor = find(page, {"meta", "next_cursor"}); cursor && cursor->is_string())
        context.err << "more: --cursor " << printable(std::string_view{cursor->get_string()}) << '\n';
}

void print_schedule(Context& context, const json::value& schedule) {
    const auto now = SystemClock::instance().now();
    const auto line = [&](std::string_view label, const std::string& value) {
        context.out << fmt::format("{:<8} {}\n", label, printable(value));
    };
    line("id", member(schedule, "id"));
    line("name", member(schedule, "name"));
    line("cron", fmt::format("{} in {}", member(schedule, "cron"), member(schedule, "time_zone")));
    line("missed", member(schedule, "missed"));
    line("state", state_of(schedule));
    if (const auto* job = find(schedule, {"job"})) line("job", json_text(*job));
    if (find(schedule, {"last_run_at"}))
        line("last", fmt::format("{} ({}), job {}", member(schedule, "last_run_at"), age(schedule, "last_run_at", now),
                                 member(schedule, "last_job_id")));
    if (find(schedule, {"last_error"})) line("refused", member(schedule, "last_error"));
    if (const auto* planned = find(schedule, {"planned"}); planned && planned->is_array())
        for (const auto& time : planned->get_array())
            line("planned", fmt::format("{} ({})", member(json::object{{"at", time}}, "at"),
                                        age(json::object{{"at", time}}, "at", now)));
}

int list(Context& context, const ListOptions& options) {
    std::string target = fmt::format("{}?limit={}", root, options.limit);
    if (!options.cursor.empty()) target += "&cursor=" + encoded(options.cursor);
    const auto reply = Client{context}.call({.target = target});
    if (context.json) print_raw(context, reply.body);
    else print_schedules(context, reply.json());
    return done;
}

int show(Context& context, const std::string& which) {
    const Client client{context};
    const auto reply = client.call({.target = path_of(client, which)});
    if (context.json) print_raw(context, reply.body);
    else print_schedule(context, reply.json());
    return done;
}

int add(Context& context, const AddOptions& options) {
    if (!options.job.empty() && !options.submit.kind.empty())
        throw Failure{usage, "--job is the whole job: leave --kind and its companions out"};
    json::object wanted{{"name", options.name}, {"cron", options.cron}};
    if (!options.zone.empty()) wanted["time_zone"] = options.zone;
    if (!options.missed.empty()) wanted["missed"] = options.missed;
    if (options.job.empty()) wanted["job"] = job_of(options.submit);
    else wanted["job"] = kept_value(options.job, "--job");
    const auto reply = Client{context}.post_json(root, wanted);
    if (context.json) {
        print_raw(context, reply.body);
        return done;
    }
    const auto schedule = reply.json();
    context.out << fmt::format("{}  {}, next {} ({})\n", member(schedule, "id"), printable(member(schedule, "name")),
                               member(schedule, "next_run_at"),
                               age(schedule, "next_run_at", SystemClock::instance().now()));
    return done;
}

int change(Context& context, const std::string& which, std::string_view verb) {
    const Client client{context};
    const auto reply = client.call({.method = "POST", .target = path_of(client, which, fmt::format("/{}", verb))});
    if (context.json) print_raw(context, reply.body);
    else context.out << fmt::format("{}  {}\n", printable(which), state_of(reply.json()));
    return done;
}

int run_now(Context& context, const std::string& which) {
    const Client client{context};
    const auto reply = client.call({.method = "POST", .target = path_of(client, which, "/run")});
    if (context.json) print_raw(context, reply.body);
    else context.out << member(reply.json(), "id") << "  " << member(reply.json(), "state") << '\n';
    return done;
}

int remove(Context& context, const std::string& which) {
    const Client client{context};
    client.call({.method = "DELETE", .target = path_of(client, which)});
    if (context.json) print_raw(context, json_text(json::object{{"schedule", which}, {"removed", true}}));
    else context.out << printable(which) << "  removed\n";
    return done;
}

void add_list(CLI::App& group, Context& context) {
    auto options = std::make_shared<ListOptions>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("list", "List schedules, newest first");
    command->add_option("--limit", options->limit, "At most so many (50)")->check(CLI::Range(1, 1000))->type_name("N");
    command->add_option("--cursor", options->cursor, "Go on where an earlier list ended")->type_name("CURSOR");
    command->footer("Examples:\n"
                    "  millrace schedule list\n"
                    "  millrace schedule list --json | jq -r '.data[] | [.name, .next_run_at] | @tsv'");
    command->callback(
        [&context, options] { context.action = [&context, options] { return list(context, *options); }; });
}

void add_job_options(CLI::App& command, SubmitOptions& job) {
    command.add_option("--kind", job.kind, "The job's kind: echo, sleep, infer …")->type_name("KIND");
    command.add_option("--payload", job.payload, "Its payload: JSON, @FILE or - for standard input")->type_name("JSON");
    command.add_option("--queue", job.queue, "Its queue (default)")->type_name("NAME");
    command.add_option("--priority", job.priority, "0 (last) to 9 (first)")
        ->check(CLI::Range(0, 9))
        ->type_name("N")
        ->default_str("");
    command.add_option("--max-attempts", job.max_attempts, "Attempts in all")
        ->check(CLI::Range(1, 100))
        ->type_name("N")
        ->default_str("");
    command.add_option("--timeout-seconds", job.timeout_seconds, "Of one attempt")
        ->check(CLI::Range(0.001, 86400.0))
        ->type_name("S")
        ->default_str("");
    command.add_option("--tag", job.tags, "Label, may be repeated")->type_name("NAME=VALUE")->take_all();
}

void add_add(CLI::App& group, Context& context) {
    auto options = std::make_shared<AddOptions>();
    auto* command = group.add_subcommand("add", "Submit a job again and again, by a cron expression");
    command->add_option("name", options->name, "Its name: a-z, 0-9, _ and -")->required()->type_name("");
    command
        ->add_option("cron", options->cron,
                     "minute hour day-of-month month day-of-week, or @hourly, @daily, @weekly, @monthly, @yearly")
        ->required()
        ->type_name("");
    command->add_option("--zone", options->zone, "Time zone of the expression (UTC)")->type_name("ZONE");
    command
        ->add_option("--missed", options->missed,
                     "Times that pass while the daemon is down: skip, run_once (unless given) or run_all")
        ->check(CLI::IsMember({"skip", "run_once", "run_all"}))
        ->type_name("POLICY");
    add_job_options(*command, options->submit);
    command->add_option("--job", options->job, "Instead of those: the whole job as the API takes it; JSON, @FILE or -")
        ->type_name("JSON");
    command->footer(
        "Examples:\n"
        "  millrace schedule add heartbeat '*/5 * * * *' --kind echo --payload '{\"alive\":true}'\n"
        "  millrace schedule add nightly '30 2 * * *' --zone Europe/Berlin --kind sleep --payload '{\"seconds\":1}'\n"
        "  millrace schedule add report '0 9 * * mon-fri' --missed skip --job @report.json");
    command->callback([&context, options] { context.action = [&context, options] { return add(context, *options); }; });
}

// Commands that take a schedule and nothing else.
template <class Perform>
CLI::App* add_by_name(CLI::App& group, Context& context, const char* name, const char* help, Perform perform) {
    auto which = std::make_shared<std::string>();
    auto* command = group.add_subcommand(name, help);
    command->add_option("schedule", *which, "Name or id")->required()->type_name("");
    command->footer(fmt::format("Examples:\n  millrace schedule {} nightly", name));
    command->callback([&context, which, perform] {
        context.action = [&context, which, perform] { return perform(context, *which); };
    });
    return command;
}

} // namespace

void add_schedule(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("schedule", "Jobs by the clock: cron expressions with time zones");
    group->require_subcommand(1, 1);
    add_list(*group, context);
    add_add(*group, context);
    add_by_name(*group, context, "show", "Show a schedule with its next five planned times", show);
    add_by_name(*group, context, "pause", "Plan nothing until it is resumed",
                [](Context& c, const std::string& s) { return change(c, s, "pause"); });
    add_by_name(*group, context, "resume", "Plan again; what passed meanwhile is not missed",
                [](Context& c, const std::string& s) { return change(c, s, "resume"); });
    add_by_name(*group, context, "run", "Submit its job now; what is planned stays", run_now);
    add_by_name(*group, context, "remove", "Remove a schedule; its jobs stay", remove);
}

} // namespace millrace::cli
