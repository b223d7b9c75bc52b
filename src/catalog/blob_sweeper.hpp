// Takes away what is kept no longer: rows over their time, in pieces of two hundred, and files that no organisation has
// any more. A row that is deleted leaves its digest in blob_removals in the same transaction, and the file goes after
// the commit, so a daemon that is killed in between finds it again at its next start. A file that was stored, and whose
// daemon was killed before its row, is found by looking through the folders once after a start. Runs on its own timer;
// remove_file() is thread-safe.
#pragma once
#include "async/awaitable.hpp"
#include "base/clock.hpp"
#include "blobs/blob_store.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

namespace millrace::catalog {

class BlobSweeper {
public:
    // Borrows all of them.
    BlobSweeper(store::Database& database, blobs::BlobStore& blobs, async::ThreadPool& files, Clock& clock,
                telemetry::Log& log, telemetry::Metrics& metrics,
                std::chrono::seconds every = std::chrono::seconds{10});
    ~BlobSweeper() { stop(); }

    void leave_strays() {
        strays_stay_ = true;
    }                                      // before start(): rows were lost, and their files may be all that is left
    void start(asio::io_context& context); // its timer's thread; looks at once
    void stop();                           // idempotent

    // Of a digest in blob_removals, now. Where it cannot be, the timer tries again.
    awaitable<void> remove_file(std::string sha256);
    awaitable<void> sweep(); // what the timer does
    // Files without a row that were there before `time`; their removal is left to the next sweep.
    awaitable<void> find_strays(std::filesystem::file_time_type time);

private:
    awaitable<void> expire();
    awaitable<void> find_unclaimed(); // stored, and then no row came: the request failed, or stood for an earlier one
    awaitable<void> remove_files();
    awaitable<void> forget_unclaimed(std::vector<std::string> digests);
    awaitable<void> run();

    store::Database& database_;
    blobs::BlobStore& blobs_;
    async::ThreadPool& files_;
    Clock& clock_;
    telemetry::Log& log_;
    const std::chrono::seconds every_;
    telemetry::Counter& expired_;
    telemetry::Counter& removed_;
    std::shared_ptr<asio::steady_timer> timer_; // shared with run(), which may end after stop()
    std::atomic<bool> stopped_{false};
    bool strays_stay_ = false;
    bool looks_through_ = true; // the folders, at the next turn
};

} // namespace millrace::catalog
