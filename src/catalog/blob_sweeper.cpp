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

BlobSweeper::BlobSweeper(store::Database& database, blobs::BlobStore& blobs, async::ThreadPool& files, Clock& clock, telemetry::Log& log,
                         telemetry::Metrics& metrics, std::chrono::seconds every)
    : database_{database}, blobs_{blobs}, files_{files}, clock_{clock}, log_{log}, every_{every},
      expired_{metrics.counter("millrace_blobs_expired_total", "Blobs whose time was over")},
      removed_{metrics.counter("millrace_blobs_removed_total", "Files of blobs that were removed, for no organisation had them any more")} {}

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
    if (released.empty()) co_return;
    auto look = [released = std::move(released)](Session& session) -> Result<std::vector<std::string>> {
        std::vector<std::string> unclaimed;
        for (const auto& sha256 : released)
            if (!blob_repository::has_row(session, sha256)) unclaimed.push_back(sha256);
        return unclaimed;
    };
    auto found = co_await database_.read(std::move(look));
    if (!found || found->empty()) co_return;
    auto write = [unclaimed = std::move(*found), now = clock_.now()](Session& session) -> Result<void> {
        for (const auto& sha256 : unclaimed) blob_repository::want_removal(session, sha256, now);
        return success();
    };
    const auto written = co_await database_.write(std::move(write));
    if (!written) log_.warning("files that no request claimed stay for now", {{"reason", written.error().detail}});
}

// Found on a reader, deleted on the writer, one piece after the other.
awaitable<void> BlobSweeper::expire() {
    while (!stopped_) {
        const auto now = clock_.now();
        auto find = [now](Session& session) -> Result<std::vector<blob_repository::Expired>> { return blob_repository::find_expired(session, now, piece); };
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
        auto find = [after](Session& session) -> Result<std::vector<std::string>> { return blob_repository::find_removals(session, after, piece); };
        auto found = co_await database_.read(std::move(find));
        if (!found || found->empty()) co_return;
        for (const auto& sha256 : *found) {
            if (stopped_) co_return;
            co_await remove_file(sha256);
        }
        after = found->back();
    }
}

// In the order that begin_removal() asks for: whoever stored it before that has its row by now, whoever stores it later holds it.
awaitable<void> BlobSweeper::remove_file(std::string sha256) {
    if (!blobs_.begin_removal(sha256)) co_return;
    auto look = [sha256](Session& session) -> Result<std::optional<blob_repository::Removal>> { return blob_repository::find_removal(session, sha256); };
    const auto found = co_await database_.read(std::move(look));
    const bool wanted = found && *found && !(*found)->needed;
    if (!wanted) blobs_.abandon_removal(sha256);
    if (!found || !*found) co_return;
    if (wanted) {
        crash_point("blobs.before_remove");
        auto unlink = [this, sha256] { return blobs_.finish_removal(sha256); };
        const auto gone = co_await files_.run(std::move(unlink));
        if (!gone) blobs_.abandon_removal(sha256);
        if (!gone) log_.warning("a blob that nobody has could not be removed", {{"sha256", sha256}, {"reason", gone.error().detail}});
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
