#include "app/store_tools.hpp"

#include "config/store_url.hpp"
#include "store/move.hpp"
#include "store/store_status.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

namespace millrace::app {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds to_end{30}; // for a daemon, besides what its jobs may take

bool is_postgres(const std::string& name) {
    return name.starts_with("postgres://") || name.starts_with("postgresql://");
}

// `sqlite`, `sqlite:` or `sqlite:DIR`, which can only be the data folder: blobs and models lie there, and stay.
Result<void> check_sqlite(const std::string& name, const fs::path& data) {
    if (name != "sqlite" && !name.starts_with("sqlite:"))
        return Error{Code::invalid_argument, fmt::format("--to takes postgres://… or sqlite:DIR, not {}", name)};
    const auto folder = name.size() > 7 ? fs::absolute(name.substr(7)).lexically_normal() : data;
    std::error_code failure;
    if (folder == data || fs::equivalent(folder, data, failure)) return success();
    return Error{Code::invalid_argument,
                 fmt::format("blobs and models are in {}, and the rows belong beside them: --to sqlite:{}",
                             data.string(), data.string())};
}

Result<store::MoveOptions> options_of(const config::Config& config, const cli::MoveOrder& order) {
    store::MoveOptions options{
        .data = config.data, .source_url = {}, .target_url = {}, .source_name = {}, .target_name = {}};
    const auto sqlite = "sqlite:" + config.data.string();
    if (is_postgres(order.to)) {
        // store.url may name the target already.
        const auto url = order.from.empty() ? config.store.url : order.from;
        if (is_postgres(url) && url != order.to)
            return Error{Code::invalid_argument, "both are PostgreSQL: pg_dump and pg_restore move a database there"};
        options.target_url = order.to;
        options.source_name = sqlite;
        options.target_name = config::without_password(order.to);
    } else {
        if (auto fits = check_sqlite(order.to, config.data); !fits) return fits.error();
        options.source_url = order.from.empty() ? config.store.url : order.from;
        if (!is_postgres(options.source_url))
            return Error{Code::invalid_argument,
                         "which PostgreSQL database? Name it with --from, or with store.url as the daemon has it"};
        options.source_name = config::without_password(options.source_url);
        options.target_name = sqlite;
    }
    options.dry_run = order.dry_run;
    options.stop_daemon = order.stop;
    options.chunk_rows = order.chunk_rows;
    options.patience = std::chrono::seconds{config.jobs.drain_seconds} + to_end;
    return options;
}

std::string_view name_of(store::MoveReport::Outcome outcome) {
    switch (outcome) {
    case store::MoveReport::Outcome::refused: return "refused";
    case store::MoveReport::Outcome::planned: return "planned";
    case store::MoveReport::Outcome::copied: return "copied";
    case store::MoveReport::Outcome::moved: return "moved";
    case store::MoveReport::Outcome::already: break;
    }
    return "already";
}

json::array texts(const std::vector<std::string>& all) {
    json::array list;
    for (const auto& each : all) list.emplace_back(each);
    return list;
}

json::object render(const store::MoveOptions& options, const store::MoveReport& report) {
    json::array tables;
    std::int64_t rows = 0;
    for (const auto& table : report.tables) {
        rows += table.rows;
        json::object each{{"name", table.name}, {"rows", table.rows}};
        if (report.outcome == store::MoveReport::Outcome::moved) each["hash"] = fmt::format("{:016x}", table.hash);
        tables.push_back(std::move(each));
    }
    return {{"outcome", name_of(report.outcome)},
            {"reachable", report.reachable},
            {"source", options.source_name},
            {"target", options.target_name},
            {"obstacles", texts(report.obstacles)},
            {"notices", texts(report.notices)},
            {"rows", rows},
            {"bytes", report.source_bytes},
            {"tables", std::move(tables)},
            {"copied_while_running", report.copied_live},
            {"seconds_running", report.live_seconds},
            {"copied_while_stopped", report.copied_stopped},
            {"seconds_stopped", report.stopped_seconds}};
}

Result<json::object> move(const config::Loaded& loaded, const cli::MoveOrder& order,
                          const cli::StoreTools::Watch& watch) {
    ::umask(0027); // the files that are made are a daemon's
    const auto options = options_of(loaded.config, order);
    if (!options) return options.error();
    const auto report = store::move_store(*options, watch);
    if (!report) return report.error();
    return render(*options, *report);
}

Result<json::object> status(const config::Loaded& loaded, bool check) {
    const auto& config = loaded.config;
    if (config.store.url.empty()) return store::sqlite_status(config.data, check);
    auto found = store::postgres_status(config.store.url);
    if (found) (*found)["url"] = config::without_password(config.store.url);
    return found;
}

} // namespace

const cli::StoreTools& store_tools() {
    static const cli::StoreTools tools{move, status};
    return tools;
}

} // namespace millrace::app
