#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/jobs/job_view.hpp"
#include "cli/option_values.hpp"
#include "cli/target.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <istream>
#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

// Which dead letters.
struct Choice {
    std::vector<std::string> ids;
    std::string kind, queue, error_code, tag, died_after, died_before;
    bool all = false, dry_run = false, yes = false;
};

struct ListOptions {
    Choice choice;
    std::string cursor;
    int limit = 50;
};

struct ReplayOptions {
    Choice choice;
    std::string payload;
    double rate = 0;
};

template <class Take>
void each_filter(const Choice& choice, Take take) {
    take("kind", choice.kind);
    take("queue", choice.queue);
    take("error_code", choice.error_code);
    take("tag", choice.tag);
    take("died_after", choice.died_after);
    take("died_before", choice.died_before);
}

json::object filter_of(const Choice& choice) {
    json::object filter;
    each_filter(choice, [&](const char* name, const std::string& value) {
        if (!value.empty()) filter[name] = value;
    });
    if (!choice.ids.empty()) filter["ids"] = json::array(choice.ids.begin(), choice.ids.end());
    if (filter.empty() && !choice.all)
        throw Failure{usage, "say which: ids, a filter such as --queue NAME, or --all for every dead letter"};
    if (!filter.empty() && choice.all)
        throw Failure{usage, "--all is every dead letter; leave it out, or the ids and filters"};
    return filter;
}

int list(Context& context, const ListOptions& options) {
    Target target{"/api/v1/dead-letters"};
    target.with("limit", options.limit).with("cursor", options.cursor);
    each_filter(options.choice, [&](const char* name, const std::string& value) { target.with(name, value); });
    const auto reply = Client{context}.call({.target = target.text()});
    if (context.json) print_raw(context, reply.body);
    else print_dead_letters(context, reply.json());
    return done;
}

int show(Context& context, const std::string& id) {
    const auto reply = Client{context}.call({.target = "/api/v1/jobs/" + encoded(id)});
    const auto job = reply.json();
    if (const auto state = member(job, "state"); state != "dead")
        throw Failure{failed, fmt::format("job {} is no dead letter: it is {}", id, state)};
    if (context.json) print_raw(context, reply.body);
    else print_job(context, job);
    return done;
}

std::string letters(const std::string& count) { return count + (count == "1" ? " dead letter" : " dead letters"); }

int print_count(Context& context, const Reply& reply, std::string_view verb) {
    const auto answer = reply.json();
    if (context.json) print_raw(context, reply.body);
    else if (member(answer, "dry_run") == "true")
        context.out << fmt::format("{} would be {}\n", letters(member(answer, "count")), verb);
    else context.out << fmt::format("{} {}\n", letters(member(answer, "count")), verb);
    return done;
}

int replay(Context& context, const ReplayOptions& options) {
    json::object body{{"filter", filter_of(options.choice)}, {"dry_run", options.choice.dry_run}};
    if (!options.payload.empty()) body["payload"] = kept_value(options.payload, "--payload");
    if (options.rate > 0) body["rate_per_second"] = options.rate;
    return print_count(context, Client{context}.post_json("/api/v1/dead-letters/replay", body), "put back in line");
}

// Asks the person at the terminal; without one the answer must have been given.
void confirm(Context& context, const Client& client, const json::object& filter) {
    if (!context.answers) throw Failure{usage, "this deletes jobs for good: add --yes, or try it with --dry-run first"};
    const auto counted =
        client.post_json("/api/v1/dead-letters/purge", json::object{{"filter", filter}, {"dry_run", true}}).json();
    context.err << fmt::format("Delete {} for good? [y/N] ", letters(member(counted, "count"))) << std::flush;
    std::string answer;
    std::getline(*context.answers, answer);
    if (answer != "y" && answer != "Y" && answer != "yes") throw Failure{failed, "nothing was deleted"};
}

int purge(Context& context, const Choice& choice) {
    const auto filter = filter_of(choice);
    const Client client{context};
    if (!choice.dry_run && !choice.yes) confirm(context, client, filter);
    const auto reply =
        client.post_json("/api/v1/dead-letters/purge", json::object{{"filter", filter}, {"dry_run", choice.dry_run}});
    return print_count(context, reply, "deleted");
}

void add_filters(CLI::App& command, Choice& choice) {
    command.add_option("--kind", choice.kind, "Only this kind")->type_name("KIND");
    command.add_option("--queue", choice.queue, "Only this queue")->type_name("NAME");
    command.add_option("--error-code", choice.error_code, "Only those that died of this")->type_name("CODE");
    command.add_option("--tag", choice.tag, "Only with this tag")->type_name("NAME=VALUE");
    command.add_option("--died-after", choice.died_after, "Only those that died after this time (RFC 3339)")
        ->type_name("TIME");
    command.add_option("--died-before", choice.died_before, "Only those that died before this time")->type_name("TIME");
}

void add_choice(CLI::App& command, Choice& choice) {
    command.add_option("id", choice.ids, "Ids of dead letters")->type_name("");
    add_filters(command, choice);
    command.add_flag("--all", choice.all, "Every dead letter");
    command.add_flag("--dry-run", choice.dry_run, "Only count them");
}

void add_list(CLI::App& group, Context& context) {
    auto options = std::make_shared<ListOptions>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("list", "List dead letters, newest first");
    add_filters(*command, options->choice);
    command->add_option("--limit", options->limit, "At most so many (50)")->check(CLI::Range(1, 1000))->type_name("N");
    command->add_option("--cursor", options->cursor, "Go on where an earlier list ended")->type_name("CURSOR");
    command->footer("Examples:\n"
                    "  millrace dlq list --error-code timed_out --died-after 2027-01-31T00:00:00Z");
    command->callback(
        [&context, options] { context.action = [&context, options] { return list(context, *options); }; });
}

void add_replay(CLI::App& group, Context& context) {
    auto options = std::make_shared<ReplayOptions>();
    auto* command = group.add_subcommand("replay", "Put dead letters back in line, with all their attempts anew");
    add_choice(*command, options->choice);
    command
        ->add_option("--payload", options->payload,
                     "Another payload for each of them: JSON, @FILE or - for standard input")
        ->type_name("JSON");
    command->add_option("--rate", options->rate, "So many a second, not all at once")
        ->check(CLI::Range(0.001, 1e6))
        ->type_name("N")
        ->default_str("");
    command->footer("Examples:\n"
                    "  millrace dlq replay --queue mail --dry-run\n"
                    "  millrace dlq replay --queue mail --rate 20\n"
                    "  millrace dlq replay 0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55 --payload @corrected.json");
    command->callback(
        [&context, options] { context.action = [&context, options] { return replay(context, *options); }; });
}

void add_purge(CLI::App& group, Context& context) {
    auto choice = std::make_shared<Choice>();
    auto* command = group.add_subcommand("purge", "Delete dead letters for good");
    add_choice(*command, *choice);
    command->add_flag("--yes", choice->yes, "Do not ask; needed where there is no terminal");
    command->footer("Examples:\n"
                    "  millrace dlq purge --kind echo --dry-run\n"
                    "  millrace dlq purge --died-before 2026-01-01T00:00:00Z --yes");
    command->callback([&context, choice] { context.action = [&context, choice] { return purge(context, *choice); }; });
}

} // namespace

void add_dead_letter(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("dlq", "Dead letters: jobs that failed for good");
    group->require_subcommand(1, 1);
    add_list(*group, context);
    auto id = std::make_shared<std::string>();
    auto* show_command = group->add_subcommand("show", "Show a dead letter with its attempts");
    show_command->add_option("id", *id, "Id of the job")->required()->type_name("");
    show_command->footer("Examples:\n  millrace dlq show 0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55");
    show_command->callback([&context, id] { context.action = [&context, id] { return show(context, *id); }; });
    add_replay(*group, context);
    add_purge(*group, context);
}

} // namespace millrace::cli
