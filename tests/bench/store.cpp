// The store's own write path: coroutines on io threads, each submitting one job at a time and waiting for its
// commit. Prints writes a second, the mean size of a group and the share of the processor's time.
//   bench_store [FOLDER] [SECONDS] [IO-THREADS] [CHECKPOINT-PAGES]
#include "job_row.hpp"

#include "async/io_pool.hpp"
#include "store/sqlite.hpp"
#include "values/principal.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <latch>
#include <string>

#include <sys/resource.h>

namespace {

using namespace millrace;
using SteadyClock = std::chrono::steady_clock;

constexpr store::Sql insert_job{bench::insert_job};

awaitable<void> submit_until(store::Database& database, SteadyClock::time_point end, std::vector<float>& waits,
                             std::latch& finished) {
    while (SteadyClock::now() < end) {
        auto task = [id = JobId::make(),
                     now = SystemClock::instance().now()](store::SystemSession& session) -> Result<void> {
            store::OrganizationSession tenant{session, values::default_organization};
            tenant.execute(insert_job,
                           {id, "infer", "default", "queued", 5, bench::payload, "{}", 4, 1'800'000'000, now, now});
            return success();
        };
        const auto asked = SteadyClock::now();
        const auto done = co_await database.write(std::move(task));
        if (!done) {
            std::fprintf(stderr, "%s\n", done.error().detail.c_str());
            std::exit(1);
        }
        waits.push_back(std::chrono::duration<float, std::milli>(SteadyClock::now() - asked).count());
    }
    finished.count_down();
}

double processor_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

void measure(const std::filesystem::path& folder, int writers, double seconds, std::size_t io_threads,
             std::size_t pages) {
    std::filesystem::create_directories(folder);
    telemetry::Log log{telemetry::Level::warning, telemetry::LogFormat::logfmt};
    telemetry::Metrics metrics;
    auto database =
        store::open_sqlite({.data = folder, .checkpoint_pages = pages, .on_failure = {}}, log, metrics).value();
    async::IoPool io{"io", io_threads};
    std::this_thread::sleep_for(std::chrono::milliseconds{500}); // the log gets its full size
    std::vector<std::vector<float>> waits(static_cast<std::size_t>(writers));
    std::latch finished{writers};
    const auto before = database->stats();
    const auto used = processor_seconds();
    const auto start = SteadyClock::now();
    const auto end = start + std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(seconds));
    for (auto& mine : waits) asio::co_spawn(io.next(), submit_until(*database, end, mine, finished), asio::detached);
    finished.wait();
    const double elapsed = std::chrono::duration<double>(SteadyClock::now() - start).count();
    const auto after = database->stats();
    const double share = (processor_seconds() - used) / elapsed;
    database->close();

    std::vector<float> all;
    for (const auto& mine : waits) all.insert(all.end(), mine.begin(), mine.end());
    std::sort(all.begin(), all.end());
    const auto at = [&](double part) {
        return static_cast<double>(all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))]);
    };
    const auto writes = static_cast<double>(after.writes - before.writes);
    std::printf("%8d %12.0f %12.1f %9.2f %9.2f %9.2f %9.2f\n", writers, writes / elapsed,
                writes / static_cast<double>(after.groups - before.groups), at(0.5), at(0.99), at(1.0), share);
}

} // namespace

int main(int argc, char** argv) {
    const std::filesystem::path base = argc > 1 ? argv[1] : std::filesystem::temp_directory_path();
    const double seconds = argc > 2 ? std::atof(argv[2]) : 2;
    const std::size_t io_threads = argc > 3 ? static_cast<std::size_t>(std::atoi(argv[3])) : 1;
    const std::size_t pages =
        argc > 4 ? static_cast<std::size_t>(std::atoi(argv[4])) : store::SqliteOptions{}.checkpoint_pages;
    std::string pattern = (base / "millrace-bench-store-XXXXXX").string();
    const std::filesystem::path folder = ::mkdtemp(pattern.data());
    std::printf("%8s %12s %12s %9s %9s %9s %9s\n", "writers", "writes/s", "group", "p50 ms", "p99 ms", "max ms",
                "cores");
    for (const int writers : {1, 16, 64, 512})
        measure(folder / std::to_string(writers), writers, seconds, io_threads, pages);
    std::filesystem::remove_all(folder);
}
