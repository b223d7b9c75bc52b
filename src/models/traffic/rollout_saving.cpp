// What candidates and production did, as it is stored, and loaded at the next start.
#include "models/rollout.hpp"
#include "models/traffic/contest_repository.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace millrace::models {
namespace {

using store::SystemSession;

constexpr std::chrono::seconds between_saves{1};
constexpr std::chrono::hours judged{1};

struct Kept {
    std::vector<StoredTraffic> traffics;
    std::vector<StoredContest> contests;
};

void save_all(SystemSession& session, const std::vector<StoredContest>& rows, Timestamp oldest) {
    for (const auto& row : rows) {
        save_contest(session, row);
        if (row.side != ContestSide::before) forget_spans(session, row, oldest);
    }
}

} // namespace

Result<void> Rollout::load_blocking() {
    auto stored = database_.read_blocking([oldest = clock_.now() - judged](SystemSession& session) -> Result<Kept> {
        return Kept{present_traffic(session), all_contests(session, oldest)};
    });
    if (!stored) return stored.error();
    for (const auto& each : stored->traffics) {
        registry_.set_traffic(each.organization, each.model, each.traffic);
        contests_.begin(each.organization, each.model, each.revision, each.traffic);
    }
    for (const auto& each : stored->contests) contests_.restore(each);
    return success();
}

void Rollout::start(asio::io_context& context) {
    for (auto& verdict : contests_.review()) asio::co_spawn(context, carry_out(std::move(verdict)), asio::detached);
    repeating_.start(context, between_saves, [this] { save(); });
}

void Rollout::save() {
    const std::lock_guard lock{saving_};
    auto rows = std::make_shared<const std::vector<StoredContest>>(
        contests_.take_changed()); // shared by the task and what follows it
    if (rows->empty()) return;
    auto task = [rows, oldest = clock_.now() - judged](SystemSession& session) -> Result<void> {
        save_all(session, *rows, oldest);
        return success();
    };
    database_.post_write(std::move(task), [this, rows](const Result<void>& done) {
        if (!done) contests_.put_back(*rows);
    });
}

void Rollout::stop() {
    if (!repeating_.stop()) return;
    const std::lock_guard lock{saving_};
    const auto rows = contests_.take_changed();
    if (rows.empty()) return;
    auto done =
        database_.write_blocking([&rows, oldest = clock_.now() - judged](SystemSession& session) -> Result<void> {
            save_all(session, rows, oldest);
            return success();
        });
    if (!done)
        log_.warning("the last predictions of the candidates were not stored", {{"reason", done.error().detail}});
}

} // namespace millrace::models
