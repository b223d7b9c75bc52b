// The queue without HTTP: jobs a second that are submitted in batches, and that are claimed, run and recorded, with a
// flush before each answer. Kind echo, so that nothing but the queue is measured.
//   bench_queue_core [FOLDER] [JOBS]
#include "async/io_pool.hpp"
#include "events/feed.hpp"
#include "jobs/job_service.hpp"
#include "jobs/queues.hpp"
#include "processors/echo/echo.hpp"
#include "store/sqlite.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

using namespace millrace;

namespace {

using SteadyClock = std::chrono::steady_clock;
double since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

template <class T>
T on(async::IoPool& io, awaitable<T> work) {
    return asio::co_spawn(io.at(0), std::move(work), asio::use_future).get();
}

std::vector<Result<values::NewJob>> batch(int jobs, const std::string& payload) {
    std::vector<Result<values::NewJob>> all;
    all.reserve(static_cast<std::size_t>(jobs));
    for (int i = 0; i < jobs; ++i) {
        values::NewJob job;
        job.kind = "echo";
        job.payload = payload;
        all.emplace_back(std::move(job));
    }
    return all;
}

} // namespace

int main(int argc, char** argv) {
    const std::filesystem::path base = argc > 1 ? argv[1] : std::filesystem::temp_directory_path();
    const int jobs = argc > 2 ? std::atoi(argv[2]) : 200'000;
    constexpr int size = 1000;
    std::string pattern = (base / "millrace-queue-XXXXXX").string();
    const std::filesystem::path folder = ::mkdtemp(pattern.data());
    {
        telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt};
        telemetry::Metrics metrics;
        store::SqliteOptions options;
        options.data = folder;
        events::Feed feed;
        options.on_commit = feed.on_commit();
        auto database = store::open_sqlite(options, log, metrics);
        if (!database) return std::fprintf(stderr, "%s\n", database.error().detail.c_str()), 1;
        async::IoPool io{"io", 1};
        processors::Echo echo;
        jobs::Dispatcher dispatcher{**database, feed, SystemClock::instance(), log, metrics, {}};
        dispatcher.add(echo);
        async::ThreadPool pool{"pool", 1, 64};
        jobs::JobService service{**database, dispatcher, SystemClock::instance(), pool};
        jobs::Queues queues{**database, dispatcher, SystemClock::instance()};
        if (!dispatcher.recover()) return 1;
        dispatcher.start();
        const values::Principal who{values::default_organization, {}, "bench", values::Role::admin};
        const std::string payload =
            R"({"model":"digits","input":{"blob":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}})";
        if (!on(io, queues.pause(who, "default", "bench", std::nullopt))) return 1;

        auto start = SteadyClock::now();
        for (int done = 0; done < jobs; done += 4 * size) { // four callers at once
            std::vector<std::future<Result<jobs::BatchAccepted>>> calls;
            for (int caller = 0; caller < 4; ++caller)
                calls.push_back(asio::co_spawn(
                    io.at(0), service.submit_batch(who, batch(size, payload), std::nullopt, {}), asio::use_future));
            for (auto& call : calls)
                if (auto answer = call.get(); !answer || !answer->items.front()) return 1;
        }
        const double submitted = since(start);
        std::printf("submitted in batches of %d: %10.0f jobs/s\n", size, jobs / submitted);

        start = SteadyClock::now();
        if (!on(io, queues.resume(who, "default"))) return 1;
        for (;;) {
            const auto snapshot = on(io, dispatcher.snapshot());
            if (snapshot.total.queued + snapshot.total.running == 0 && dispatcher.backlog() == 0) break;
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
        std::printf("claimed, run and recorded:  %10.0f jobs/s\n", jobs / since(start));
        dispatcher.stop(std::chrono::seconds{5});
        (*database)->close();
        io.stop();
    }
    std::filesystem::remove_all(folder);
}
