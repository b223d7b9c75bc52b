#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/jobs/job_batch.hpp"
#include "cli/jobs/job_id.hpp"
#include "cli/jobs/job_tail.hpp"
#include "cli/jobs/job_view.hpp"
#include "cli/jobs/job_wait.hpp"
#include "cli/option_values.hpp"
#include "cli/target.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

struct ListOptions {
    std::string state, kind, queue, tag, flow, created_after, created_before, cursor;
    int limit = 50;
};

std::string path_of(const std::string& id, std::string_view rest = "") {
    return fmt::format("/api/v1/jobs/{}{}", encoded(id), rest);
}

int list(Context& context, const ListOptions& options) {
    Target target{"/api/v1/jobs"};
    target.with("limit", options.limit)
        .with("state", options.state)
        .with("kind", options.kind)
        .with("queue", options.queue);
    target.with("tag", options.tag).with("flow", options.flow).with("created_after", options.created_after);
    target.with("created_before", options.created_before).with("cursor", options.cursor);
    const auto reply = Client{context}.call({.target = target.text()});
    if (context.json) print_raw(context, reply.body);
    else print_jobs(context, reply.json());
    return done;
}

int show(Context& context, const std::string& id) {
    const auto reply = Client{context}.call({.target = path_of(id)});
    if (context.json) print_raw(context, reply.body);
    else print_job(context, reply.json());
    return done;
}

int why(Context& context, const std::string& id) {
    const auto reply = Client{context}.call({.target = path_of(id, "/why")});
    if (context.json) print_raw(context, reply.body);
    else print_why(context, reply.json());
    return done;
}

// What the answer of /api/v1/results says of a job that has not ended.
std::string where_it_stands(const json::value& value) {
    if (member(value, "status") != "queued") return "running, " + member(value, "progress_percent") + "% done";
    const auto position = member(value, "position");
    return position == "-" ? "waiting for its time or for other jobs" : "queued, at position " + position;
}

int result(Context& context, const std::string& id) {
    const auto reply = Client{context}.call({.target = "/api/v1/results/" + encoded(id)});
    const auto value = reply.json();
    const auto status = member(value, "status");
    if (context.json) print_raw(context, reply.body);
    if (status == "complete") {
        const auto* found = find(value, {"result"});
        if (!context.json) context.out << (found ? pretty(*found) : "null") << '\n';
        return done;
    }
    if (status == "failed") throw Failure{failed, fmt::format("job {} failed: {}", id, member(value, "error"))};
    throw Failure{failed, fmt::format("job {} has no result yet: it is {}; `millrace job wait {}` waits for it", id,
                                      where_it_stands(value), id)};
}

int wait(Context& context, const std::string& id, double seconds) {
    const Client client{context};
    return end_of(context, wait_for(context, client, id, std::chrono::steady_clock::now(), seconds));
}

int tail(Context& context, const std::string& id) { return tail_job(context, Client{context}, id); }

int print_change(Context& context, const std::string& id, const Reply& reply) {
    if (context.json) print_raw(context, reply.body);
    else context.out << id << "  " << member(reply.json(), "state") << '\n';
    return done;
}

int cancel(Context& context, const std::string& id) {
    return print_change(context, id, Client{context}.call({.method = "POST", .target = path_of(id, "/cancel")}));
}

int retry(Context& context, const std::string& id, const std::string& payload) {
    json::object body;
    if (!payload.empty()) body["payload"] = kept_value(payload, "--payload");
    return print_change(context, id, Client{context}.post_json(path_of(id, "/retry"), body));
}

void add_batch(CLI::App& group, Context& context) {
    struct Options {
        std::string file, idempotency_key;
    };
    auto options = std::make_shared<Options>(); // shared with the callback, which the app copies
    auto* command =
        group.add_subcommand("batch", "Submit the jobs of a file, one JSON object a line, a thousand in one commit");
    command->add_option("file", options->file, "File of jobs as the API takes them; - is standard input")
        ->required()
        ->type_name("");
    command
        ->add_option("--idempotency-key", options->idempotency_key,
                     "With the same key the same file may be sent again: nothing is submitted twice")
        ->type_name("KEY");
    command->footer("Exit status 1 when any was refused; the others are submitted.\n"
                    "Examples:\n"
                    "  millrace job batch jobs.jsonl --idempotency-key import-2027-01-31\n"
                    "  seq 100 | jq -c '{kind:\"echo\",payload:{number:.}}' | millrace job batch -");
    command->callback([&context, options] {
        context.action = [&context, options] { return submit_batch(context, options->file, options->idempotency_key); };
    });
}

void add_list(CLI::App& group, Context& context) {
    auto options = std::make_shared<ListOptions>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("list", "List jobs, newest first");
    command->add_option("--state", options->state, "Only those in this state")
        ->check(
            CLI::IsMember({"scheduled", "blocked", "queued", "running", "succeeded", "dead", "cancelled", "expired"}))
        ->type_name("STATE");
    command->add_option("--kind", options->kind, "Only this kind")->type_name("KIND");
    command->add_option("--queue", options->queue, "Only this queue")->type_name("NAME");
    command->add_option("--tag", options->tag, "Only with this tag")->type_name("NAME=VALUE");
    command->add_option("--flow", options->flow, "Only the jobs of this flow")->type_name("ID");
    command->add_option("--created-after", options->created_after, "Only those made after this time")
        ->type_name("TIME");
    command->add_option("--created-before", options->created_before, "Only those made before this time")
        ->type_name("TIME");
    command->add_option("--limit", options->limit, "At most so many (50)")->check(CLI::Range(1, 1000))->type_name("N");
    command->add_option("--cursor", options->cursor, "Go on where an earlier list ended")->type_name("CURSOR");
    command->footer("Examples:\n"
                    "  millrace job list --state dead\n"
                    "  millrace job list --tag site=north --limit 10 --json");
    command->callback(
        [&context, options] { context.action = [&context, options] { return list(context, *options); }; });
}

std::string example(std::string_view name) {
    return fmt::format("Examples:\n  millrace job {} 0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55", name);
}

// Commands that take the id of a job and nothing else.
template <class Perform>
CLI::App* add_by_id(CLI::App& group, Context& context, const char* name, const char* help, Perform perform) {
    auto id = std::make_shared<std::string>();
    auto* command = group.add_subcommand(name, help);
    command->add_option("id", *id, "Id of the job, or as much of its beginning as no other has")
        ->required()
        ->type_name("");
    command->callback([&context, id, perform] {
        context.action = [&context, id, perform] { return perform(context, whole_job_id(Client{context}, *id)); };
    });
    return command;
}

void add_wait(CLI::App& group, Context& context) {
    auto seconds = std::make_shared<double>(300);
    auto* command = add_by_id(group, context, "wait", "Wait for the end of a job and print its result",
                              [seconds](Context& c, const std::string& id) { return wait(c, id, *seconds); });
    command->add_option("--for", *seconds, "Seconds to wait at most (300)")
        ->check(CLI::Range(0.0, 1e7))
        ->type_name("SECONDS");
    command->footer(
        "Exit status 0 when it succeeded, 1 when it did not or takes longer.\n"
        "Examples:\n"
        "  millrace job wait $(millrace job submit --kind sleep --payload '{\"seconds\":1}' --json | jq -r .id)");
}

void add_retry(CLI::App& group, Context& context) {
    auto payload = std::make_shared<std::string>();
    auto* command = add_by_id(group, context, "retry", "Run a dead, cancelled or expired job again",
                              [payload](Context& c, const std::string& id) { return retry(c, id, *payload); });
    command
        ->add_option("--payload", *payload, "Another payload instead of its own: JSON, @FILE or - for standard input")
        ->type_name("JSON");
    command->footer("Many at once: millrace dlq replay --help\n"
                    "Examples:\n"
                    "  millrace job retry 0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55 --payload @corrected.json");
}

} // namespace

void add_job(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("job", "Submit jobs, look at them, wait for them");
    group->require_subcommand(1, 1);
    add_job_submit(*group, context);
    add_batch(*group, context);
    add_list(*group, context);
    add_by_id(*group, context, "show", "Show a job with its attempts and timeline", show)->footer(example("show"));
    add_by_id(*group, context, "why", "Say in one sentence why a job is not done, and what to do about it", why)
        ->footer(example("why"));
    add_by_id(*group, context, "result", "Print the result of a job that has ended", result)
        ->footer("Exit status 1 when the job failed or has not ended.\n" + example("result"));
    add_wait(*group, context);
    add_by_id(*group, context, "tail", "Print each change of a job as it comes, to its end", tail)
        ->footer("Exit status 0 when it succeeded, 1 when it did not.\n" + example("tail"));
    add_by_id(*group, context, "cancel", "Cancel a job that has not ended; one that runs is ended", cancel)
        ->footer(example("cancel"));
    add_retry(*group, context);
}

} // namespace millrace::cli
