// Takes away what is kept no longer: rows over their time, in pieces of two hundred, and files that no organisation has
// any more. A row that is deleted leaves its digest in blob_removals in the same transaction, and the file goes after
// the commit, so a daemon that is killed in between finds it again at its next start. A file that was stored, and whose
// daemon was killed before its row, is found by looking through the folders once after a start. A chore of the
// housekeeping, on one thread; remove_file() is thread-safe.
#pragma once
#include "async/awaitable.hpp"
#include "base/clock.hpp"
#include "blobs/blob_store.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::catalog {

class BlobSweeper {
public:
    // Borrows all of them.
    BlobSweeper(store::Database& database, blobs::BlobStore& blobs, async::ThreadPool& files, Clock& clock,
                telemetry::Log& log, telemetry::Metrics& metrics);

    // The next round also finds the files without a row that were there before `time`. Once after a start; not where
    // rows were lost, and their files may be all that is left.
    void look_through(std::filesystem::file_time_type time) { looks_through_ = Search{time}; }
    // Takes some away, and says whether there is more.
    awaitable<bool> piece();

    // Of a digest in blob_removals, now. Where it cannot be, the next round tries again.
    awaitable<void> remove_file(std::string sha256);

private:
    // Of the folders: 256 pieces.
    struct Search {
        std::filesystem::file_time_type before;
        unsigned folder = 0; // the next
    };
    awaitable<void> find_strays();
    awaitable<bool> expire();
    awaitable<void> find_unclaimed(); // stored, and then no row came: the request failed, or stood for an earlier one
    awaitable<bool> remove_files();
    awaitable<void> forget_unclaimed(std::vector<std::string> digests);

    store::Database& database_;
    blobs::BlobStore& blobs_;
    async::ThreadPool& files_;
    Clock& clock_;
    telemetry::Log& log_;
    telemetry::Counter& expired_;
    telemetry::Counter& removed_;
    std::optional<Search> looks_through_;
    std::string removed_until_; // in this round
};

} // namespace millrace::catalog
