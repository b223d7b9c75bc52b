#include "catalog/blob_sweeper.hpp"

#include "base/crash_point.hpp"
#include "catalog/blob_repository.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace millrace::catalog {
namespace {

using store::Session;

constexpr int piece = 200;

} // namespace

BlobSweeper::BlobSweeper(store::Database& database, blobs::BlobStore& blobs, async::ThreadPool& files, Clock& clock,
                         telemetry::Log& log, telemetry::Metrics& metrics, std::chrono::seconds every)
    : database_{database},
      blobs_{blobs},
      files_{files},
      clock_{clock},
      log_{log},
      every_{every},
      expired_{metrics.counter("millrace_blobs_expired_total", "Blobs whose time was over")},
      removed_{metrics.counter("millrace_blobs_removed_total",
                               "Files of blobs that were removed, for no organisation had them any more")} {}

void BlobSweeper::start(asio::io_context& context) {
    timer_ = std::make_shared<asio::steady_timer>(context);
    asio::co_spawn(context, run(), asio::detached);
}

void BlobSweeper::stop() {
    if (stopped_.exchange(true) || !timer_) return;
    asio::post(timer_->get_executor(), [timer = timer_] { timer->cancel(); });
}

awaitable<void> BlobSweeper::run() {
    const auto timer = timer_;
    while (!stopped_) {
        if (std::exchange(looks_through_, false)) co_await find_strays(std::filesystem::file_time_type::clock::now());
        co_await sweep();
        if (stopped_) co_return;
        boost::system::error_code failure;
        timer->expires_after(every_);
        co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, failure));
    }
}

awaitable<void> BlobSweeper::sweep() {
    co_await expire();
    co_await find_unclaimed();
    co_await remove_files();
}

awaitable<void> BlobSweeper::find_unclaimed() {
    auto released = blobs_.take_released();
    if (!released.all_told) looks_through_ = true;
    if (!released.digests.empty()) co_await forget_unclaimed(std::move(released.digests));
}

// One first folder after the other: 256 pieces. What is held while its row is on its way is left by begin_removal(),
// and has a row when its digest is looked at again.
awaitable<void> BlobSweeper::find_strays(std::filesystem::file_time_type time) {
    if (strays_stay_) co_return;
    auto used = [](Session& session) -> Result<bool> { return blob_repository::has_keys(session); };
    const auto known = co_await database_.read(std::move(used));
    if (!known || !*known) co_return; // nobody has used this database yet: the files are another's, and stay
    for (unsigned folder = 0; folder < 256 && !stopped_; ++folder) {
        auto list = [this, folder, time]() -> Result<std::vector<std::string>> {
            return blobs_.stored_before(static_cast<std::uint8_t>(folder), time);
        };
        auto found = co_await files_.run(std::move(list));
        if (found && !found->empty()) co_await forget_unclaimed(std::move(*found));
    }
}

// Of these, those without a row are to be removed.
awaitable<void> BlobSweeper::forget_unclaimed(std::vector<std::string> digests) {
    for (std::size_t from = 0; from < digests.size(); from += piece) {
        const auto first = digests.begin() + static_cast<std::ptrdiff_t>(from);
        std::vector<std::string> some{first, first + static_cast<std::ptrdiff_t>(
                                                         std::min<std::size_t>(piece, digests.size() - from))};
        auto look = [some = std::move(some)](Session& session) -> Result<std::vector<std::string>> {
            std::vector<std::string> unclaimed;
            for (const auto& sha256 : some)
                if (!blob_repository::has_row(session, sha256)) unclaimed.push_back(sha256);
            return unclaimed;
        };
        auto found = co_await database_.read(std::move(look));
        if (!found || found->empty()) continue;
        auto write = [unclaimed = std::move(*found), now = clock_.now()](Session& session) -> Result<void> {
            for (const auto& sha256 : unclaimed) blob_repository::want_removal(session, sha256, now);
            return success();
        };
        const auto written = co_await database_.write(std::move(write));
        if (!written) log_.warning("files that no request claimed stay for now", {{"reason", written.error().detail}});
    }
}

// Found on a reader, deleted on the writer, one piece after the other.
awaitable<void> BlobSweeper::expire() {
    while (!stopped_) {
        const auto now = clock_.now();
        auto find = [now](Session& session) -> Result<std::vector<blob_repository::Expired>> {
            return blob_repository::find_expired(session, now, piece);
        };
        auto found = co_await database_.read(std::move(find));
        if (!found || found->empty()) co_return;
        const auto count = found->size();
        auto write = [expired = std::move(*found), now](Session& session) -> Result<void> {
            for (const auto& each : expired) blob_repository::expire(session, each, now);
            return success();
        };
        const auto written = co_await database_.write(std::move(write));
        if (!written) co_return;
        expired_.add(count);
        if (count < static_cast<std::size_t>(piece)) co_return;
    }
}

awaitable<void> BlobSweeper::remove_files() {
    std::string after;
    while (!stopped_) {
        auto find = [after](Session& session) -> Result<std::vector<std::string>> {
            return blob_repository::find_removals(session, after, piece);
        };
        auto found = co_await database_.read(std::move(find));
        if (!found || found->empty()) co_return;
        for (const auto& sha256 : *found) {
            if (stopped_) co_return;
            co_await remove_file(sha256);
        }
        after = found->back();
    }
}

// In the order that begin_removal() asks for: whoever stored it before that has its row by now, whoever stores it later
// holds it.
awaitable<void> BlobSweeper::remove_file(std::string sha256) {
    if (!blobs_.begin_removal(sha256)) co_return;
    auto look = [sha256](Session& session) -> Result<std::optional<blob_repository::Removal>> {
        return blob_repository::find_removal(session, sha256);
    };
    const auto found = co_await database_.read(std::move(look));
    const bool wanted = found && *found && !(*found)->needed;
    if (!wanted) blobs_.abandon_removal(sha256);
    if (!found || !*found) co_return;
    if (wanted) {
        crash_point("blobs.before_remove");
        auto unlink = [this, sha256] { return blobs_.finish_removal(sha256); };
        const auto gone = co_await files_.run(std::move(unlink));
        if (!gone) blobs_.abandon_removal(sha256);
        if (!gone)
            log_.warning("a blob that nobody has could not be removed",
                         {{"sha256", sha256}, {"reason", gone.error().detail}});
        if (!gone || !*gone) co_return;
        removed_.add();
        crash_point("blobs.after_remove");
    }
    auto forget = [sha256, since = (*found)->since](Session& session) -> Result<void> {
        blob_repository::forget_removal(session, sha256, since);
        return success();
    };
    const auto forgotten = co_await database_.write(std::move(forget));
    if (!forgotten) co_return; // the timer looks again
}

} // namespace millrace::catalog
