#include "cli/absence.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/flows/flow_view.hpp"
#include "cli/option_values.hpp"
#include "cli/target.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <thread>

namespace millrace::cli {
namespace {

struct ListOptions {
    std::string cursor;
    int limit = 50;
};

struct SubmitOptions {
    std::string file;
    double wait = -1; // seconds; negative: do not wait
};

std::string path_of(const std::string& id, std::string_view rest = "") {
    return fmt::format("/api/v1/flows/{}{}", encoded(id), rest);
}

// Asks until all its jobs have ended, with its own progress on standard error; 0 when all succeeded.
int wait(Context& context, const Client& client, const std::string& id, double seconds) {
    const auto begun = std::chrono::steady_clock::now();
    Progress progress{context.err, context.progress, "waiting"};
    Absence absence;
    Reply reply;
    for (auto pause = std::chrono::milliseconds{20};;) {
        auto found = absence.bridge([&] { return client.call({.target = path_of(id)}); });
        if (found) reply = std::move(*found);
        const auto flow = reply.json();
        const auto state = member(flow, "state");
        const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        if (state == "running" && elapsed >= seconds) {
            progress.clear();
            throw Failure{failed, fmt::format("flow {} is still running after {}: {}", id, seconds_text(elapsed),
                                              progress_text(flow))};
        }
        if (state != "running") {
            progress.clear();
            if (context.json) print_raw(context, reply.body);
            else print_flow(context, flow);
            return state == "succeeded" ? done : failed;
        }
        progress.show(number_at(flow, {"progress_percent"}) / 100,
                      fmt::format("{} · {}", progress_text(flow), seconds_text(elapsed)));
        std::this_thread::sleep_for(
            std::min<std::chrono::duration<double>>(pause, std::chrono::duration<double>{seconds - elapsed}));
        pause = std::min(pause * 3 / 2, std::chrono::milliseconds{500});
    }
}

int submit(Context& context, const SubmitOptions& options) {
    const auto document = kept_value(options.file == "-" ? options.file : "@" + options.file, "the flow");
    const Client client{context};
    const auto reply = client.post_json("/api/v1/flows", document);
    const auto flow = reply.json();
    if (options.wait >= 0) return wait(context, client, member(flow, "id"), options.wait);
    if (context.json) print_raw(context, reply.body);
    else context.out << member(flow, "id") << "  " << member(flow, "state") << '\n';
    return done;
}

int list(Context& context, const ListOptions& options) {
    Target target{"/api/v1/flows"};
    target.with("limit", options.limit).with("cursor", options.cursor);
    const auto reply = Client{context}.call({.target = target.text()});
    if (context.json) print_raw(context, reply.body);
    else print_flows(context, reply.json());
    return done;
}

int print(Context& context, const Reply& reply) {
    if (context.json) print_raw(context, reply.body);
    else print_flow(context, reply.json());
    return done;
}

int show(Context& context, const std::string& id) {
    return print(context, Client{context}.call({.target = path_of(id)}));
}

int cancel(Context& context, const std::string& id) {
    return print(context, Client{context}.call({.method = "POST", .target = path_of(id, "/cancel")}));
}

void add_submit(CLI::App& group, Context& context) {
    auto options = std::make_shared<SubmitOptions>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("submit", "Submit a flow, all of it or nothing");
    command->add_option("file", options->file, "JSON file; - is standard input")->required()->type_name("");
    command->add_option("--wait", options->wait, "Wait for the end of its jobs and show them; 300 seconds unless given")
        ->expected(0, 1)
        ->default_str("300")
        ->check(CLI::Range(0.0, 1e7))
        ->type_name("[SECONDS]");
    command->footer("Examples:\n"
                    "  millrace flow submit nightly.json --wait=600\n"
                    "  echo '{\"chain\":[{\"kind\":\"echo\"},{\"kind\":\"echo\"}]}' | millrace flow submit -");
    command->callback(
        [&context, options] { context.action = [&context, options] { return submit(context, *options); }; });
}

void add_list(CLI::App& group, Context& context) {
    auto options = std::make_shared<ListOptions>();
    auto* command = group.add_subcommand("list", "List flows, newest first");
    command->add_option("--limit", options->limit, "At most so many (50)")->check(CLI::Range(1, 1000))->type_name("N");
    command->add_option("--cursor", options->cursor, "Go on where an earlier list ended")->type_name("CURSOR");
    command->footer("Examples:\n"
                    "  millrace flow list --limit 10");
    command->callback(
        [&context, options] { context.action = [&context, options] { return list(context, *options); }; });
}

// Commands that take the id of a flow and nothing else.
template <class Perform>
CLI::App* add_by_id(CLI::App& group, Context& context, const char* name, const char* help, Perform perform) {
    auto id = std::make_shared<std::string>();
    auto* command = group.add_subcommand(name, help);
    command->add_option("id", *id, "Id of the flow")->required()->type_name("");
    command->footer(fmt::format("Examples:\n  millrace flow {} 0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55", name));
    command->callback(
        [&context, id, perform] { context.action = [&context, id, perform] { return perform(context, *id); }; });
    return command;
}

void add_wait(CLI::App& group, Context& context) {
    auto seconds = std::make_shared<double>(300);
    auto* command =
        add_by_id(group, context, "wait", "Wait for the end of a flow's jobs and show them",
                  [seconds](Context& c, const std::string& id) { return wait(c, Client{c}, id, *seconds); });
    command->add_option("--for", *seconds, "Seconds to wait at most (300)")
        ->check(CLI::Range(0.0, 1e7))
        ->type_name("SECONDS");
    command->footer("Exit status 0 when all its jobs succeeded, 1 when one did not or it takes longer.\n" +
                    command->get_footer());
}

} // namespace

void add_flow(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("flow", "Jobs that wait for each other, submitted as one document");
    group->require_subcommand(1, 1);
    add_submit(*group, context);
    add_list(*group, context);
    add_by_id(*group, context, "show", "Show a flow as a tree of its jobs", show);
    add_wait(*group, context);
    add_by_id(*group, context, "cancel", "Cancel what of a flow has not ended", cancel);
}

} // namespace millrace::cli
