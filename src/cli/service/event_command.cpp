#include "base/json_text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/target.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <deque>
#include <memory>
#include <ostream>
#include <thread>

namespace millrace::cli {
namespace {

constexpr auto look_again = std::chrono::seconds{1};
constexpr std::int64_t page_size = 1000;

struct EventOptions {
    std::string type;
    std::int64_t after = 0;
    int limit = 50;
    bool follow = false;
};

// One page after `after`; returns the id to go on from, `more` whether to go on at once.
std::int64_t each_event(const Client& client, const std::string& type, std::int64_t after, bool& more,
                        const std::function<void(const json::value&)>& take) {
    Target target{"/api/v1/events"};
    target.with("limit", page_size).with("after", after).with("type", type);
    const auto page = client.get(target.text());
    if (const auto* data = find(page, {"data"}); data && data->is_array())
        for (const auto& event : data->get_array()) {
            if (const auto* id = find(event, {"id"}); id && id->is_number()) after = id->to_number<std::int64_t>();
            take(event);
        }
    const auto* cursor = find(page, {"meta", "next_cursor"});
    more = cursor && cursor->is_string();
    return more ? std::stoll(std::string{std::string_view{cursor->get_string()}}) : after;
}

void print_event(Context& context, const json::value& event) {
    if (context.json) {
        print_raw(context, json_text(event));
        return;
    }
    const auto* data = find(event, {"data"});
    const auto line =
        fmt::format("{:>6}  {}  {:<16} {}  {}", member(event, "id"), member(event, "at"), member(event, "type"),
                    member(event, "subject"), data ? printable(json_text(*data)) : "");
    context.out << (context.width == 0 ? line : shortened(line, context.width)) << '\n';
}

int events(Context& context, const EventOptions& options) {
    const Client client{context};
    std::deque<json::value> last; // of all so far, unless --after says where to begin
    auto after = options.after;
    const bool from_there = options.after > 0;
    const auto full = [&] { return static_cast<int>(last.size()) >= options.limit; };
    for (bool more = true; more && !(from_there && !options.follow && full());)
        after = each_event(client, options.type, after, more, [&](const json::value& event) {
            if (from_there && !options.follow && full()) return;
            last.push_back(event);
            if (!from_there && static_cast<int>(last.size()) > options.limit) last.pop_front();
        });
    for (const auto& event : last) print_event(context, event);
    if (last.empty() && !options.follow) context.err << "no events\n";
    while (options.follow) {
        context.out.flush();
        if (!context.out.good()) return failed; // nobody reads any more
        std::this_thread::sleep_for(look_again);
        bool more = false;
        after = each_event(client, options.type, after, more,
                           [&](const json::value& event) { print_event(context, event); });
    }
    return done;
}

} // namespace

void add_event(CLI::App& app, Context& context) {
    auto options = std::make_shared<EventOptions>(); // shared with the callback, which the app copies
    auto* command = app.add_subcommand("events", "What operators want to hear of: dead letters, breakers, pauses");
    command->add_option("--type", options->type, "Only this type, such as job.dead, or all that begin with it: breaker")
        ->type_name("TYPE");
    command->add_option("--after", options->after, "From the one after this id on, instead of the newest")
        ->check(CLI::NonNegativeNumber)
        ->type_name("ID");
    command->add_option("--limit", options->limit, "At most so many (50)")
        ->check(CLI::Range(1, 1'000'000))
        ->type_name("N");
    command->add_flag("--follow", options->follow, "Go on and print what comes, until Ctrl-C");
    command->footer("Examples:\n"
                    "  millrace events --type job.dead --limit 10\n"
                    "  millrace events --follow --json | while read -r event; do notify \"$event\"; done");
    command->callback(
        [&context, options] { context.action = [&context, options] { return events(context, *options); }; });
}

} // namespace millrace::cli
