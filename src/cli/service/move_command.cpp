#include "base/clock.hpp"
#include "base/json_text.hpp"
#include "cli/commands.hpp"
#include "cli/service/move_view.hpp"
#include "cli/service/settings.hpp"
#include "cli/service/store_tools.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <ostream>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

struct MoveCommandOptions {
    SettingOptions settings;
    MoveOrder order;
};

// Beside what was moved, and its owner's where root runs the command.
fs::path write_report(const fs::path& data, const std::string& text) {
    auto stamp = SystemClock::instance().now().text();
    std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
    auto path = data / ("move-" + stamp.substr(0, 15) + ".txt");
    std::ofstream file{path};
    file << text;
    if (!file.flush()) return {};
    struct stat folder {};
    if (::geteuid() == 0 && ::stat(data.c_str(), &folder) == 0)
        (void)!::chown(path.c_str(), folder.st_uid, folder.st_gid);
    return path;
}

int move(Context& context, const MoveCommandOptions& options) {
    if (!context.store) throw Failure{failed, "this program has no store"};
    const auto loaded = load_settings(options.settings.flags(context), options.settings);
    Progress progress{context.err, context.progress, "move"};
    const auto report = context.store->move(loaded, options.order, [&](const std::string& step, double fraction) {
        progress.show(fraction, step);
    });
    progress.clear();
    if (!report) throw Failure{report.error().code == Code::invalid_argument ? usage : failed, report.error().detail};
    json::value value(*report);
    const auto outcome = text_at(value, {"outcome"});
    if (outcome == "moved") {
        std::ostringstream text;
        print_move(text, value, 0);
        const auto file = write_report(loaded.config.data, text.str());
        if (file.empty()) context.err << "warning: the report could not be written to the data folder\n";
        else value.as_object()["report"] = file.string();
    }
    if (context.json) print_raw(context, json_text(value));
    else print_move(context.out, value, context.width);
    if (outcome == "refused") return text_at(value, {"reachable"}) == "false" ? unreachable : failed;
    return outcome == "copied" ? failed : done;
}

} // namespace

void add_database_move(CLI::App& group, Context& context) {
    auto options = std::make_shared<MoveCommandOptions>(); // shared with the callback, which the app copies
    auto& order = options->order;
    auto* command = group.add_subcommand("move", "Move all rows to PostgreSQL, or back to SQLite");
    command->add_option("--to", order.to, "Where to: postgres://USER@HOST/DATABASE, or sqlite:DIR, the data folder")
        ->type_name("URL")
        ->required();
    command->add_option("--from", order.from, "The PostgreSQL database to leave, where store.url does not name it")
        ->type_name("URL");
    command->add_flag("--dry-run", order.dry_run, "Look for what could stop the move, count the rows, change nothing");
    command->add_flag("--stop", order.stop, "Stop the daemon when only its last rows are left to copy");
    command->add_option("--chunk", order.chunk_rows, "Rows to copy in one transaction")
        ->type_name("ROWS")
        ->check(CLI::Range(1, 1'000'000))
        ->default_str("10000");
    add_setting_options(*command, options->settings);
    command->footer(
        "The daemon may run while most rows are copied. For the rest it has to be stopped for some seconds: by you, "
        "when the\ncommand says so, and the same command goes on; or by --stop. A service manager that starts it anew "
        "finds the store in\nuse until the move is done. A move that was interrupted goes on when it is called again. "
        "Both databases are compared\nbefore the switch, and no daemon starts on the old one after it. Blobs and "
        "models "
        "stay where they are.\n"
        "Exit status 0 moved, 1 refused or waiting for the daemon to stop, 2 wrong usage, 3 a database cannot be "
        "reached.\n"
        "Examples:\n"
        "  millrace db move --to 'postgres://millrace@db/millrace?passfile=/etc/millrace/pgpass' --dry-run\n"
        "  millrace db move --to 'postgres://millrace@db/millrace?passfile=/etc/millrace/pgpass' --stop\n"
        "  millrace db move --to sqlite:/var/lib/millrace --config /etc/millrace/millrace.toml");
    command->callback(
        [&context, options] { context.action = [&context, options] { return move(context, *options); }; });
}

} // namespace millrace::cli
