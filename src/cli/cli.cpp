#include "cli/cli.hpp"

#include "base/unseen.hpp"
#include "base/version.hpp"
#include "cli/commands.hpp"
#include "cli/mistakes.hpp"
#include "cli/text.hpp"
#include "config/config.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

// no-color.org: set to anything, it means none.
bool is_colourful() {
    const char* none = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return (!none || *none == '\0') && (!terminal || std::string_view{terminal} != "dumb");
}

int show_error(Context& context, const std::string& message, int code) {
    context.out.flush();
    context.err << (code == interrupted ? "" : "error: ") << message << '\n' << std::flush;
    return code;
}

// Help says what a value is by its name; the descriptions that validators add to it would hide it. Commands are
// reminded of what they share.
void tidy(CLI::App& app) {
    for (auto* option : app.get_options())
        for (int i = 0;; ++i) {
            try {
                option->get_validator(i)->description("");
            } catch (const CLI::OptionNotFound&) { break; }
        }
    const auto all = [](CLI::App*) { return true; };
    for (auto* child : app.get_subcommands(all)) {
        tidy(*child);
        if (!child->get_subcommands(all).empty())
            child->footer(fmt::format("`millrace {} SUBCOMMAND --help` has examples.", child->get_name()));
        else child->footer(child->get_footer() + (child->get_footer().empty() ? "" : "\n\n") + reminder);
    }
}

// Parse errors in words, with the way to the help of the very command.
int explain(CLI::App& app, Context& context, const CLI::ParseError& error, std::span<const char* const> words) {
    if (error.get_exit_code() == 0) return app.exit(error, context.out, context.err); // --help, --version
    const auto mistake = mistake_in(app, words);
    return show_error(context,
                      fmt::format("{}\n  see: {} --help", mistake.sentence.empty() ? error.what() : mistake.sentence,
                                  mistake.path),
                      usage);
}

int perform(CLI::App& app, Context& context, int argc, const char* const* argv) {
    try {
        app.parse(argc, argv);
        const int code = context.action ? context.action() : static_cast<int>(usage);
        context.out.flush();
        // A full disk or a closed pipe behind standard output is a failure, not silence.
        return context.out.good() ? code : show_error(context, "cannot write to standard output", failed);
    } catch (const CLI::ParseError& error) {
        return explain(app, context, error, {argv + 1, static_cast<std::size_t>(std::max(argc, 1) - 1)});
    } catch (const Failure& failure) {
        return show_error(context, failure.what(), failure.exit);
    } catch (const std::exception& error) { return show_error(context, error.what(), failed); }
}

} // namespace

fs::path admin_socket(const Context& context) {
    if (!context.socket.empty()) return context.socket;
    if (!context.data.empty()) return fs::path{context.data} / "admin.sock";
    const auto loaded = config::load(config::process_sources({}, {}));
    if (!loaded) throw Failure{usage, loaded.error().detail};
    const auto& own = loaded->config.socket;
    const bool chosen = loaded->origins.at("socket") != "default" || loaded->origins.at("data") != "default";
    const fs::path packaged{"/run/millrace/admin.sock"};
    std::error_code ignored;
    return !chosen && !fs::exists(own, ignored) && fs::exists(packaged, ignored) ? packaged : own;
}

void print_raw(Context& context, const std::string& text) {
    context.out << seen_json(text) << (text.ends_with('\n') ? "" : "\n");
}

void build(CLI::App& app, Context& context, Serve serve) {
    app.require_subcommand(1, 1);
    app.fallthrough(); // --data and the like may stand after the command
    app.set_version_flag("--version", fmt::format("millrace {}", version()));
    app.set_help_flag("-h,--help", "Show this help");
    app.get_formatter()->column_width(34);
    app.add_option("--data", context.data,
                   "The daemon's data folder: serve keeps everything in it, other commands find the daemon by it")
        ->type_name("DIR");
    app.add_option("--socket", context.socket, "The daemon's admin socket, where it is not in the data folder")
        ->type_name("PATH");
    app.add_option("--url", context.url, "A daemon elsewhere, by its URL, with a key")->type_name("URL");
    app.add_option("--key", context.key,
                   "Its key; better in MILLRACE_KEY or a context, where no list of processes shows it")
        ->type_name("KEY");
    app.add_option("--context", context.name, "A daemon by the name that `millrace context add` has given it")
        ->type_name("NAME");
    app.add_flag("--json", context.json, "Answer as JSON, for programs");
    app.add_option("--columns", context.columns, "The columns of a table to show, in this order")
        ->delimiter(',')
        ->type_name("NAME,…");
    app.add_option_function<std::string>(
           "--color",
           [&context](const std::string& when) {
               if (when != "auto") context.colour = when == "always";
           },
           "Colours: auto (on a terminal, unless NO_COLOR is set), always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->type_name("WHEN");
    app.add_option("--timeout", context.timeout, "How long to wait for a silent daemon")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.1, 1e6))
        ->default_str("30");
    app.footer("Start here:\n"
               "  millrace serve                                        run the daemon in this terminal\n"
               "  millrace status                                       what it is doing\n"
               "  millrace key create --name me --role admin            a key for the web page and the API\n"
               "  millrace model push digits model.pt manifest.json     register a model\n"
               "  millrace model predict digits image.png               and use it\n"
               "  millrace job submit --kind echo --wait                a job, and its result\n"
               "  millrace top                                          watch the queues\n"
               "\n"
               "Exit status: 0 done, 1 failed or found something, 2 wrong usage, 3 no daemon reached.\n"
               "`millrace COMMAND --help` and `millrace help COMMAND` have examples.");
    add_serve(app, context, std::move(serve));
    add_status(app, context);
    add_top(app, context);
    add_job(app, context);
    add_flow(app, context);
    add_queue(app, context);
    add_dead_letter(app, context);
    add_event(app, context);
    add_schedule(app, context);
    add_model(app, context);
    add_blob(app, context);
    add_key(app, context);
    add_config(app, context);
    add_context(app, context);
    add_database(app, context);
    add_completion(app, context);
    add_version(app, context);
    tidy(app);
}

int run(int argc, char** argv, Serve serve, const StoreTools& store) {
    std::ios::sync_with_stdio(false);
    Context context{std::cout, std::cerr};
    context.store = &store;
    context.width = terminal_width(STDOUT_FILENO);
    context.colour = context.width != 0 && is_colourful();
    context.progress = terminal_width(STDERR_FILENO) != 0;
    if (context.progress && terminal_width(STDIN_FILENO) != 0) context.answers = &std::cin;
    const int code = run_in(context, argc, argv, std::move(serve));
    if (code == interrupted) { // a shell that runs a script is to see that it was Ctrl-C
        std::signal(SIGINT, SIG_DFL);
        std::raise(SIGINT);
    }
    return code;
}

int run_in(Context& context, int argc, const char* const* argv, Serve serve) {
    CLI::App app{"Millrace: durable jobs and model inference on this machine.", "millrace"};
    build(app, context, std::move(serve));
    // `millrace help job submit` is `millrace job submit --help`.
    std::vector<const char*> words{argv, argv + argc};
    if (argc > 1 && std::string_view{argv[1]} == "help") {
        words.erase(words.begin() + 1);
        words.push_back("--help");
    }
    return perform(app, context, static_cast<int>(words.size()), words.data());
}

} // namespace millrace::cli
