#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/job_submit.hpp"
#include "cli/job_view.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>
#include <thread>

namespace millrace::cli {
namespace {

constexpr double longest_prefer = 60; // seconds that the daemon itself holds a submit; 1 where there is progress to show

struct ListOptions {
    std::string state, kind, queue, tag, cursor;
    int limit = 50;
};

std::string path_of(const std::string& id, std::string_view rest = "") { return fmt::format("/api/v1/jobs/{}{}", encoded(id), rest); }

// Asks until the job has ended or `seconds` since `begun` are over, with the progress on standard error.
json::value wait_for(Context& context, const Client& client, const std::string& id, Monotonic begun, double seconds) {
    Progress progress{context.err, context.progress, "waiting"};
    for (auto pause = std::chrono::milliseconds{20};;) {
        auto job = client.get(path_of(id));
        if (is_ended(job)) return job;
        const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        if (elapsed >= seconds) {
            progress.clear();
            throw Failure{failed, fmt::format("job {} is still {} after {}", id, member(job, "state"), seconds_text(elapsed))};
        }
        const auto* percent = find(job, {"progress_percent"});
        const bool running = member(job, "state") == "running";
        progress.show(running && percent && percent->is_number() ? percent->to_number<double>() / 100 : -1,
                      fmt::format("{} {}", member(job, "state"), seconds_text(elapsed)));
        std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(pause, std::chrono::duration<double>{seconds - elapsed}));
        pause = std::min(pause * 3 / 2, std::chrono::milliseconds{500});
    }
}

// Exit 0 for a job that succeeded, else 1 with why.
int end_of(Context& context, const json::value& job) {
    if (context.json) print_raw(context, json::serialize(job));
    const auto state = member(job, "state");
    if (state == "succeeded") {
        if (const auto* result = find(job, {"result"}); result && !context.json) context.out << pretty(*result) << '\n';
        return done;
    }
    const auto* error = find(job, {"error"});
    throw Failure{failed, fmt::format("job {} is {}{}{}", member(job, "id"), state, error ? ": " : "",
                                      error ? member(*error, "code") + ": " + member(*error, "message") : "")};
}

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

int submit(Context& context, const SubmitOptions& options) {
    (void)parts_of(options);
    const auto text = json::serialize(job_of(options)); // usage errors come before the daemon is looked for
    const Client client{context};
    const auto begun = std::chrono::steady_clock::now();
    const auto reply = send(context, client, options, text);
    auto job = reply.json();
    if (options.wait < 0) {
        if (context.json) print_raw(context, reply.body);
        else context.out << member(job, "id") << "  " << member(job, "state") << '\n';
        return done;
    }
    if (!is_ended(job) || reply.status != 200) job = wait_for(context, client, member(job, "id"), begun, options.wait);
    return end_of(context, job);
}

int list(Context& context, const ListOptions& options) {
    std::string target = fmt::format("/api/v1/jobs?limit={}", options.limit);
    const auto filter = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) target += fmt::format("&{}={}", name, encoded(value));
    };
    filter("state", options.state);
    filter("kind", options.kind);
    filter("queue", options.queue);
    filter("tag", options.tag);
    filter("cursor", options.cursor);
    const auto reply = Client{context}.call({.target = target});
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
    const auto where = status == "queued" ? "queued, at position " + member(value, "position") : member(value, "progress_percent") + "% done";
    throw Failure{failed, fmt::format("job {} has no result yet: it is {}; `millrace job wait {}` waits for it", id, where, id)};
}

int wait(Context& context, const std::string& id, double seconds) {
    const Client client{context};
    return end_of(context, wait_for(context, client, id, std::chrono::steady_clock::now(), seconds));
}

int change(Context& context, const std::string& id, std::string_view verb) {
    const auto reply = Client{context}.call({.method = "POST", .target = path_of(id, fmt::format("/{}", verb))});
    if (context.json) print_raw(context, reply.body);
    else context.out << id << "  " << member(reply.json(), "state") << '\n';
    return done;
}

void add_submit(CLI::App& group, Context& context) {
    auto options = std::make_shared<SubmitOptions>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("submit", "Submit a job; it is on disk when this returns");
    command->add_option("--kind", options->kind, "echo, sleep or infer")->type_name("KIND");
    command->add_option("--payload", options->payload, "JSON, @FILE or - for standard input")->type_name("JSON");
    command->add_option("--model", options->model, "Short for --kind infer with this model and the one --file as input")->type_name("NAME[/VERSION]");
    command->add_option("--file", options->files, "Attach a file; the payload refers to it as {\"$part\":\"NAME\"}; may be repeated")
        ->type_name("NAME=PATH")
        ->take_all();
    command->add_option("--queue", options->queue, "Queue (default)")->type_name("NAME");
    command->add_option("--priority", options->priority, "0 (last) to 9 (first); 5 unless given")->check(CLI::Range(0, 9))->type_name("N")->default_str("");
    command->add_option("--run-at", options->run_at, "Not before this time (RFC 3339)")->type_name("TIME");
    command->add_option("--max-attempts", options->max_attempts, "Attempts in all (4)")->check(CLI::Range(1, 100))->type_name("N")->default_str("");
    command->add_option("--timeout-seconds", options->timeout_seconds, "Of one attempt (1800)")
        ->check(CLI::Range(0.001, 86400.0))
        ->type_name("S")
        ->default_str("");
    command->add_option("--tag", options->tags, "Label, may be repeated")->type_name("NAME=VALUE")->take_all();
    command->add_option("--idempotency-key", options->idempotency_key, "The same key again gives the same job again")->type_name("KEY");
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
                    "  millrace job submit --kind sleep --payload '{\"seconds\":5}' --run-at 2027-01-01T00:00:00Z");
    command->callback([&context, options] { context.action = [&context, options] { return submit(context, *options); }; });
}

void add_list(CLI::App& group, Context& context) {
    auto options = std::make_shared<ListOptions>();
    auto* command = group.add_subcommand("list", "List jobs, newest first");
    command->add_option("--state", options->state, "Only those in this state")
        ->check(CLI::IsMember({"scheduled", "blocked", "queued", "running", "succeeded", "dead", "cancelled", "expired"}))
        ->type_name("STATE");
    command->add_option("--kind", options->kind, "Only this kind")->type_name("KIND");
    command->add_option("--queue", options->queue, "Only this queue")->type_name("NAME");
    command->add_option("--tag", options->tag, "Only with this tag")->type_name("NAME=VALUE");
    command->add_option("--limit", options->limit, "At most so many (50)")->check(CLI::Range(1, 1000))->type_name("N");
    command->add_option("--cursor", options->cursor, "Go on where an earlier list ended")->type_name("CURSOR");
    command->footer("Examples:\n"
                    "  millrace job list --state dead\n"
                    "  millrace job list --tag site=north --limit 10 --json");
    command->callback([&context, options] { context.action = [&context, options] { return list(context, *options); }; });
}

// Commands that take the id of a job and nothing else.
template <class Perform>
CLI::App* add_by_id(CLI::App& group, Context& context, const char* name, const char* help, Perform perform) {
    auto id = std::make_shared<std::string>();
    auto* command = group.add_subcommand(name, help);
    command->add_option("id", *id, "Id of the job")->required()->type_name("");
    command->callback([&context, id, perform] { context.action = [&context, id, perform] { return perform(context, *id); }; });
    return command;
}

} // namespace

void add_job(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("job", "Submit jobs, look at them, wait for them");
    group->require_subcommand(1, 1);
    add_submit(*group, context);
    add_list(*group, context);
    add_by_id(*group, context, "show", "Show a job with its attempts and timeline", show);
    add_by_id(*group, context, "result", "Print the result of a job that has ended", result)
        ->footer("Exit status 1 when the job failed or has not ended.");
    auto seconds = std::make_shared<double>(300);
    auto* wait_command = add_by_id(*group, context, "wait", "Wait for the end of a job and print its result",
                                   [seconds](Context& c, const std::string& id) { return wait(c, id, *seconds); });
    wait_command->add_option("--for", *seconds, "Seconds to wait at most (300)")->check(CLI::Range(0.0, 1e7))->type_name("SECONDS");
    wait_command->footer("Exit status 0 when it succeeded, 1 when it did not or takes longer.\n"
                         "Examples:\n"
                         "  millrace job wait $(millrace job submit --kind sleep --payload '{\"seconds\":1}' --json | jq -r .id)");
    add_by_id(*group, context, "cancel", "Cancel a job that has not ended",
              [](Context& c, const std::string& id) { return change(c, id, "cancel"); });
    add_by_id(*group, context, "retry", "Run a dead, cancelled or expired job again",
              [](Context& c, const std::string& id) { return change(c, id, "retry"); });
}

} // namespace millrace::cli
