#include "base/json_text.hpp"
#include "cli/absence.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/service/terminal.hpp"
#include "cli/service/top_view.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <unistd.h>

namespace millrace::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto redraw = 1s;
constexpr double most_patience = 3; // seconds: a key is not to wait longer for a silent daemon

TopData look(const Client& client) {
    return {client.get("/api/v1/status"),
            client.get("/api/v1/queues"),
            client.get("/api/v1/jobs?state=running&limit=100"),
            {}};
}

int once(Context& context) {
    const auto data = look(Client{context});
    if (context.json) {
        print_raw(context, json_text(json::object{{"status", data.status},
                                                  {"queues", data.queues.at("data")},
                                                  {"running", data.running.at("data")}}));
        return done;
    }
    for (const auto& line : top_lines(data, context.width, 0, SystemClock::instance().now()))
        context.out << line << '\n';
    return done;
}

// What was seen last stays while the daemon is away, with the reason.
void look_again(const Client& client, TopData& data, Absence& absence) {
    const auto now = absence.bridge([&] { return look(client); });
    if (now) data = *now;
    data.problem = absence.problem();
}

int live(Context& context) {
    Context quick{context.out, context.err};
    quick.data = context.data;
    quick.socket = context.socket;
    quick.timeout = std::min(context.timeout, most_patience);
    const Client client{quick};
    Absence absence;
    TopData data;
    look_again(client, data, absence); // that there is no daemon is said before the screen is taken
    Terminal terminal;
    for (auto next = std::chrono::steady_clock::now() + redraw;;) {
        const auto size = terminal.size();
        terminal.draw(top_lines(data, size.columns, size.rows, SystemClock::instance().now()));
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - std::chrono::steady_clock::now());
        const auto event = terminal.wait(std::max(left, 0ms));
        if (event == Terminal::Event::end) return done;
        if (event == Terminal::Event::key && (terminal.key() == 'q' || terminal.key() == 'Q')) return done;
        if (std::chrono::steady_clock::now() < next) continue;
        look_again(client, data, absence);
        next = std::chrono::steady_clock::now() + redraw;
    }
}

int top(Context& context, bool only_once) {
    const bool terminal = context.width != 0 && ::isatty(STDIN_FILENO) != 0;
    return only_once || context.json || !terminal ? once(context) : live(context);
}

} // namespace

void add_top(CLI::App& app, Context& context) {
    auto only_once = std::make_shared<bool>(false); // shared with the callback, which the app copies
    auto* command =
        app.add_subcommand("top", "A live view of the queues, the worker and the jobs that run; q or Ctrl-C ends it");
    command->add_flag("--once", *only_once, "Print it once; so it does where there is no terminal");
    command->footer("Examples:\n"
                    "  millrace top\n"
                    "  millrace top --once\n"
                    "  millrace top --json | jq '.queues[] | [.name, .depth]'");
    command->callback(
        [&context, only_once] { context.action = [&context, only_once] { return top(context, *only_once); }; });
}

} // namespace millrace::cli
