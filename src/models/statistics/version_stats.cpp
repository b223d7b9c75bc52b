#include "models/version_stats.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"

namespace millrace::models {
namespace {

constexpr std::chrono::seconds between_flushes{5};

void save_all(store::SystemSession& session, const std::vector<StoredCounts>& rows, Timestamp oldest) {
    for (const auto& row : rows) save_counts(session, row);
    forget_counts(session, oldest);
}

} // namespace

Result<void> VersionStats::load_blocking() {
    auto rows =
        database_.read_blocking([oldest = since()](store::SystemSession& session) -> Result<std::vector<StoredCounts>> {
            return all_counts(session, oldest);
        });
    if (!rows) return rows.error();
    auto windows = windows_.lock();
    for (const auto& row : *rows) {
        const auto counts = parse_json(row.counts);
        if (!counts) continue; // what cannot be read was not counted
        auto& window = windows->try_emplace({row.organization, row.model, row.version}, width, length).first->second;
        window.restore(row.since, Counts::from_json(*counts));
    }
    return success();
}

void VersionStats::start(asio::io_context& context) {
    flushing_.start(context, between_flushes, [this] { flush(); });
}

void VersionStats::flush() {
    auto rows =
        std::make_shared<const std::vector<StoredCounts>>(take_changed()); // shared by the task and what follows it
    if (rows->empty()) return;
    auto task = [rows, oldest = since()](store::SystemSession& session) -> Result<void> {
        save_all(session, *rows, oldest);
        return success();
    };
    database_.post_write(std::move(task), [this, rows](const Result<void>& done) {
        if (!done) put_back(*rows);
    });
}

void VersionStats::stop() {
    if (!flushing_.stop()) return;
    const auto rows = take_changed();
    if (rows.empty()) return;
    auto done = database_.write_blocking([&rows, oldest = since()](store::SystemSession& session) -> Result<void> {
        save_all(session, rows, oldest);
        return success();
    });
    if (!done) log_.warning("the last statistics of the models were not stored", {{"reason", done.error().detail}});
}

Counts& VersionStats::present(std::map<Key, Window>& windows, const inference::ModelVersion& version) {
    const auto number = version_number(version.version).value_or(0);
    return windows.try_emplace({version.organization, version.name, number}, width, length)
        .first->second.at(clock_.now());
}

void VersionStats::record(const inference::ModelVersion& version, const Sample& sample) {
    present(*windows_.lock(), version).add(sample);
}

void VersionStats::record(const inference::ModelVersion& version, Aside aside) {
    present(*windows_.lock(), version).add(aside);
}

void VersionStats::record_fallback(const inference::ModelVersion& primary) {
    ++present(*windows_.lock(), primary).fallbacks;
}

void VersionStats::record_comparison(const inference::ModelVersion& shadow, bool agreed) {
    auto windows = windows_.lock();
    auto& counts = present(*windows, shadow);
    ++counts.compared;
    if (agreed) ++counts.agreed;
}

Counts VersionStats::total(OrganizationId organization, const std::string& model, int version) {
    auto windows = windows_.lock();
    const auto at = windows->find({organization, model, version});
    return at == windows->end() ? Counts{} : at->second.total(clock_.now());
}

std::vector<StoredCounts> VersionStats::take_changed() {
    std::vector<StoredCounts> rows;
    auto windows = windows_.lock();
    for (auto& [key, window] : *windows)
        for (auto& span : window.spans())
            if (std::exchange(span.changed, false))
                rows.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), span.since,
                                json_text(span.counts.to_json())});
    return rows;
}

void VersionStats::put_back(const std::vector<StoredCounts>& rows) {
    auto windows = windows_.lock();
    for (const auto& row : rows)
        if (const auto at = windows->find({row.organization, row.model, row.version}); at != windows->end())
            for (auto& span : at->second.spans())
                if (span.since == row.since) span.changed = true;
}

} // namespace millrace::models
