#include "base/json_text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/jobs/job_id.hpp"
#include "cli/jobs/job_submit.hpp"
#include "cli/jobs/job_view.hpp"
#include "cli/jobs/job_wait.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

constexpr double longest_prefer =
    60; // seconds that the daemon itself holds a submit; 1 where there is progress to show

Reply send(Context& context, const Client& client, const SubmitOptions& options, const std::string& text) {
    Call call{.method = "POST", .target = "/api/v1/jobs"};
    if (!options.idempotency_key.empty()) call.headers.emplace_back("Idempotency-Key", options.idempotency_key);
    if (options.wait >= 1) { // the daemon counts whole seconds
        call.patience = std::floor(std::min(options.wait, context.progress ? 1 : longest_prefer));
        call.headers.emplace_back("Prefer", fmt::format("wait={:.0f}", call.patience));
    }
    Body body;
    Progress progress{context.err, context.progress, "uploading"};
    if (const auto parts = parts_of(options); parts.empty()) {
        body.add_text(text);
        call.content_type = "application/json";
    } else {
        Form form;
        form.text("job", "application/json", text);
        for (const auto& part : parts) form.file(part.name, part.path, media_type(part.path));
        call.content_type = form.content_type();
        body = form.finish();
        const auto total = static_cast<double>(body.size());
        call.sent = [&progress, total](std::uint64_t sent) {
            progress.show(static_cast<double>(sent) / total, size_text(sent));
        };
    }
    call.body = &body;
    return client.call(call);
}

// Shortened ids of parents become whole ones.
void complete_parents(const Client& client, json::object& job) {
    auto* parents = job.if_contains("depends_on");
    if (!parents) return;
    for (auto& parent : parents->get_array()) {
        auto& id = parent.is_object() ? parent.get_object().at("job") : parent;
        id = whole_job_id(client, std::string{std::string_view{id.get_string()}});
    }
}

int submit(Context& context, const SubmitOptions& options) {
    (void)parts_of(options);
    auto wanted = job_of(options); // usage errors come before the daemon is looked for
    const Client client{context};
    complete_parents(client, wanted);
    const auto text = json_text(wanted);
    const auto begun = std::chrono::steady_clock::now();
    const auto reply = send(context, client, options, text);
    auto job = reply.json();
    if (options.wait < 0) {
        if (context.json) print_raw(context, reply.body);
        else
            context.out << member(job, "id") << "  " << member(job, "state")
                        << (member(job, "duplicate") == "true" ? "  (it was here already)" : "") << '\n';
        return done;
    }
    const bool ended = is_ended(job) && reply.status == 200;
    if (!ended && context.progress) context.err << "job " << member(job, "id") << '\n';
    if (!ended) job = wait_for(context, client, member(job, "id"), begun, options.wait);
    return end_of(context, job);
}

void add_what(CLI::App& command, SubmitOptions& options) {
    command
        .add_option("--kind", options.kind,
                    "echo, sleep, infer or exec; any other for the workers of an external queue")
        ->type_name("KIND");
    command.add_option("--payload", options.payload, "JSON, @FILE or - for standard input")->type_name("JSON");
    command.add_option("--model", options.model, "Short for --kind infer with this model and the one --file as input")
        ->type_name("NAME[/VERSION]");
    command
        .add_option("--file", options.files,
                    "Attach a file; the payload refers to it as {\"$part\":\"NAME\"}; may be repeated")
        ->type_name("NAME=PATH")
        ->take_all();
    command.add_option("--tag", options.tags, "Label, may be repeated")->type_name("NAME=VALUE")->take_all();
}

void add_where_and_when(CLI::App& command, SubmitOptions& options) {
    command.add_option("--queue", options.queue, "Queue (default)")->type_name("NAME");
    command.add_option("--priority", options.priority, "0 (last) to 9 (first); the queue's, or 5, unless given")
        ->check(CLI::Range(0, 9))
        ->type_name("N")
        ->default_str("");
    command.add_option("--run-at", options.run_at, "Not before this time: RFC 3339, or from now 90s, 30m, 2h, 7d")
        ->type_name("TIME");
    command.add_option("--expires-at", options.expires_at, "Dropped when it has not begun by then")->type_name("TIME");
    command.add_option("--deadline-at", options.deadline_at, "Ended by then, even while it runs")->type_name("TIME");
    command
        .add_option("--depends-on", options.depends_on,
                    "Begins after this job; POLICY when that fails: fail, ignore or wait; may be repeated")
        ->type_name("ID[=POLICY]")
        ->take_all();
}

void add_how_often(CLI::App& command, SubmitOptions& options) {
    command.add_option("--max-attempts", options.max_attempts, "Attempts in all (4)")
        ->check(CLI::Range(1, 100))
        ->type_name("N")
        ->default_str("");
    command.add_option("--retry", options.retry, "Back-off: its name, seconds (1,5,30), or JSON as the API takes it")
        ->type_name("POLICY");
    command.add_option("--timeout-seconds", options.timeout_seconds, "Of one attempt (1800)")
        ->check(CLI::Range(0.001, 86400.0))
        ->type_name("S")
        ->default_str("");
    command.add_option("--unique-key", options.unique_key, "Nothing new while a job with this key waits or runs")
        ->type_name("KEY");
    command
        .add_option("--unique-states", options.unique_states,
                    "States in which that job counts, instead of waiting and running")
        ->type_name("STATE,…")
        ->delimiter(',');
    command
        .add_option("--unique-period", options.unique_period, "Only when that job was made in the last so many seconds")
        ->check(CLI::Range(0.001, 3.2e7))
        ->type_name("S")
        ->default_str("");
    command.add_option("--idempotency-key", options.idempotency_key, "The same key again gives the same job again")
        ->type_name("KEY");
}

} // namespace

void add_job_submit(CLI::App& group, Context& context) {
    auto options = std::make_shared<SubmitOptions>(); // shared with the callback, which the app copies
    auto* command =
        group.add_subcommand("submit",
                             "Submit a job; it is on disk when this returns. Many at once: millrace job batch");
    add_what(*command, *options);
    add_where_and_when(*command, *options);
    add_how_often(*command, *options);
    command->add_option("--wait", options->wait, "Wait for the end and print the result; 300 seconds unless given")
        ->expected(0, 1)
        ->default_str("300")
        ->check(CLI::Range(0.0, 1e7))
        ->type_name("[SECONDS]");
    command->footer("Examples:\n"
                    "  millrace job submit --kind echo --payload '{\"hello\":\"world\"}' --wait\n"
                    "  millrace job submit --model digits --file image=digit.png --wait=10\n"
                    "  millrace job submit --kind infer --file image=digit.png \\\n"
                    "      --payload '{\"model\":\"digits\",\"input\":{\"$part\":\"image\"}}' --tag site=north\n"
                    "  millrace job submit --kind sleep --payload '{\"seconds\":5}' --run-at 2h --retry 10,60,600\n"
                    "  millrace job submit --kind exec --payload '{\"command\":\"resize\",\"input\":{\"width\":64}}'\n"
                    "  millrace job submit --kind echo --unique-key nightly-report --expires-at 6h");
    command->callback(
        [&context, options] { context.action = [&context, options] { return submit(context, *options); }; });
}

} // namespace millrace::cli
