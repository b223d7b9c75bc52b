// Predictions a second through the engine (batcher, frames, worker, decoding, answers), without HTTP.
//   bench_engine RUNTIME.so MODEL.pt MANIFEST.json INPUT OUTSTANDING SECONDS THREADS
// Keeps OUTSTANDING predictions of the file INPUT under way; with 1 it measures latency. Prints one JSON line.
#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "inference/engine.hpp"
#include "inference/worker/run.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <mutex>

using namespace millrace;
using namespace millrace::inference;
using Steady = std::chrono::steady_clock;

namespace {

std::string read_file(const char* path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

// Processor time of this process and of the worker, in seconds.
double cpu_seconds(int worker) {
    std::ifstream in{"/proc/" + std::to_string(worker) + "/stat"};
    std::string word;
    double ticks = 0;
    for (int i = 1; i <= 15 && in >> word; ++i) // the name in field 2 has no space
        if (i >= 14) ticks += std::atof(word.c_str());
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK)) + static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct Load {
    Engine& engine;
    std::shared_ptr<const ModelVersion> model; // shared with the requests
    std::string input;
    Steady::time_point end;
    std::mutex mutex;
    std::condition_variable quiet;
    std::size_t under_way = 0, done = 0, failed = 0, items_in_batches = 0;
    std::vector<double> latencies_us;

    void send() {
        {
            std::lock_guard lock{mutex};
            ++under_way;
        }
        Request request{model, {}, 5, Monotonic::max(), false};
        request.input.bytes = input;
        const auto start = Steady::now();
        engine.predict(std::move(request), [this, start](Outcome outcome) {
            const auto now = Steady::now();
            if (now < end) send();
            std::lock_guard lock{mutex};
            ++done;
            if (!outcome && failed++ == 0) std::fprintf(stderr, "%s\n", outcome.error().message.c_str());
            if (outcome) items_in_batches += static_cast<std::size_t>(outcome->batch_size);
            latencies_us.push_back(std::chrono::duration<double, std::micro>(now - start).count());
            if (--under_way == 0) quiet.notify_one();
        });
    }
};

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view{argv[1]} == "worker") return worker::run(argc, argv);
    if (argc != 8) {
        std::fprintf(stderr, "usage: %s RUNTIME MODEL MANIFEST INPUT OUTSTANDING SECONDS THREADS\n", argv[0]);
        return 2;
    }
    telemetry::Log log{telemetry::Level::info, telemetry::LogFormat::logfmt, 2};
    telemetry::Metrics metrics;
    EngineOptions options;
    options.runtime = argv[1];
    options.threads = std::atoi(argv[7]);
    Engine engine{options, log, metrics};
    engine.start();
    auto manifest = values::Manifest::parse(read_file(argv[3]));
    if (!manifest) {
        std::fprintf(stderr, "%s\n", manifest.error().detail.c_str());
        return 1;
    }
    const auto model =
        std::make_shared<const ModelVersion>(ModelVersion{{},
                                                          manifest->name,
                                                          "1",
                                                          hex(sha256(read_file(argv[2]))),
                                                          argv[2],
                                                          std::make_shared<const values::Manifest>(*manifest)});
    const double seconds = std::atof(argv[6]);
    double rate = 0;
    for (const bool warm : {true, false}) {
        Load load{engine,
                  model,
                  read_file(argv[4]),
                  Steady::now() + std::chrono::milliseconds{warm ? 1500 : static_cast<int>(seconds * 1000)},
                  {},
                  {},
                  0,
                  0,
                  0,
                  0,
                  {}};
        const auto start = Steady::now();
        const double cpu = cpu_seconds(engine.status().pid);
        for (int i = 0; i < std::atoi(argv[5]); ++i) load.send();
        std::unique_lock lock{load.mutex};
        load.quiet.wait(lock, [&] { return load.under_way == 0; });
        rate = static_cast<double>(load.done) / std::chrono::duration<double>(Steady::now() - start).count();
        if (warm) continue;
        std::sort(load.latencies_us.begin(), load.latencies_us.end());
        std::printf("{\"per_second\":%.1f,\"failed\":%zu,\"mean_batch\":%.1f,\"median_us\":%.0f,\"p99_us\":%.0f,"
                    "\"cpu_us\":%.1f}\n",
                    rate, load.failed,
                    static_cast<double>(load.items_in_batches) /
                        static_cast<double>(std::max<std::size_t>(1, load.done - load.failed)),
                    load.latencies_us[load.latencies_us.size() / 2],
                    load.latencies_us[load.latencies_us.size() * 99 / 100],
                    (cpu_seconds(engine.status().pid) - cpu) * 1e6 / static_cast<double>(load.done));
    }
    engine.stop();
    return 0;
}
