#include "catalog/blob_sweeper.hpp"

#include "base/crash_point.hpp"
#include "catalog/blob_repository.hpp"

namespace millrace::catalog {
namespace {

using store::SystemSession;

constexpr int rows_of_a_piece = 200;

} // namespace

BlobSweeper::BlobSweeper(store::Database& database, blobs::BlobStore& blobs, async::ThreadPool& files, Clock& clock,
                         telemetry::Log& log, telemetry::Metrics& metrics)
    : database_{database},
      blobs_{blobs},
      files_{files},
      clock_{clock},
      log_{log},
      expired_{metrics.counter("millrace_blobs_expired_total", "Blobs whose time was over")},
      removed_{metrics.counter("millrace_blobs_removed_total",
                               "Files of blobs that were removed, for no organisation had them any more")} {}

awaitable<bool> BlobSweeper::piece() {
    if (looks_through_) {
        co_await find_strays();
        co_return true;
    }
    bool more = co_await expire();
    if (more) co_return true;
    co_await find_unclaimed();
    more = co_await remove_files();
    co_return more;
}

awaitable<void> BlobSweeper::find_unclaimed() {
    auto released = blobs_.take_released();
    if (!released.all_told) look_through(std::filesystem::file_time_type::clock::now());
    if (!released.digests.empty()) co_await forget_unclaimed(std::move(released.digests));
}

// In one first folder. What is held while its row is on its way is left by begin_removal(), and has a row when its
// digest is looked at again.
awaitable<void> BlobSweeper::find_strays() {
    auto used = [](SystemSession& session) -> Result<bool> { return blob_repository::has_keys(session); };
    const auto known = co_await database_.read(std::move(used));
    const auto search = *looks_through_;
    if (!known || !*known || ++looks_through_->folder >= 256) looks_through_.reset();
    if (!known || !*known) co_return; // nobody has used this database yet: the files are another's, and stay
    auto list = [this, search]() -> Result<std::vector<std::string>> {
        return blobs_.stored_before(static_cast<std::uint8_t>(search.folder), search.before);
    };
    auto found = co_await files_.run(std::move(list));
    if (found && !found->empty()) co_await forget_unclaimed(std::move(*found));
}

// Of these, those without a row are to be removed.
awaitable<void> BlobSweeper::forget_unclaimed(std::vector<std::string> digests) {
    for (std::size_t from = 0; from < digests.size(); from += rows_of_a_piece) {
        const auto first = digests.begin() + static_cast<std::ptrdiff_t>(from);
        std::vector<std::string> some{
            first, first + static_cast<std::ptrdiff_t>(std::min<std::size_t>(rows_of_a_piece, digests.size() - from))};
        auto look = [some = std::move(some)](SystemSession& session) -> Result<std::vector<std::string>> {
            std::vector<std::string> unclaimed;
            for (const auto& sha256 : some)
                if (!blob_repository::has_row(session, sha256)) unclaimed.push_back(sha256);
            return unclaimed;
        };
        auto found = co_await database_.read(std::move(look));
        if (!found || found->empty()) continue;
        auto write = [unclaimed = std::move(*found), now = clock_.now()](SystemSession& session) -> Result<void> {
            for (const auto& sha256 : unclaimed) blob_repository::want_removal(session, sha256, now);
            return success();
        };
        const auto written = co_await database_.write(std::move(write));
        if (!written) log_.warning("files that no request claimed stay for now", {{"reason", written.error().detail}});
    }
}

// Found on a reader, deleted on the writer.
awaitable<bool> BlobSweeper::expire() {
    const auto now = clock_.now();
    auto find = [now](SystemSession& session) -> Result<std::vector<blob_repository::Expired>> {
        return blob_repository::find_expired(session, now, rows_of_a_piece);
    };
    auto found = co_await database_.read(std::move(find));
    if (!found || found->empty()) co_return false;
    const auto count = found->size();
    auto write = [expired = std::move(*found), now](SystemSession& session) -> Result<void> {
        for (const auto& each : expired) blob_repository::expire(session, each, now);
        return success();
    };
    const auto written = co_await database_.write(std::move(write));
    if (!written) co_return false;
    expired_.add(count);
    co_return count == static_cast<std::size_t>(rows_of_a_piece);
}

awaitable<bool> BlobSweeper::remove_files() {
    auto find = [after = removed_until_](SystemSession& session) -> Result<std::vector<std::string>> {
        return blob_repository::find_removals(session, after, rows_of_a_piece);
    };
    const auto found = co_await database_.read(std::move(find));
    const bool more = found && found->size() == static_cast<std::size_t>(rows_of_a_piece);
    removed_until_ = more ? found->back() : "";
    if (found)
        for (const auto& sha256 : *found) co_await remove_file(sha256);
    co_return more;
}

// In the order that begin_removal() asks for: whoever stored it before that has its row by now, whoever stores it later
// holds it.
awaitable<void> BlobSweeper::remove_file(std::string sha256) {
    if (!blobs_.begin_removal(sha256)) co_return;
    auto look = [sha256](SystemSession& session) -> Result<std::optional<blob_repository::Removal>> {
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
    auto forget = [sha256, since = (*found)->since](SystemSession& session) -> Result<void> {
        blob_repository::forget_removal(session, sha256, since);
        return success();
    };
    const auto forgotten = co_await database_.write(std::move(forget));
    if (!forgotten) co_return; // the next round looks again
}

} // namespace millrace::catalog
