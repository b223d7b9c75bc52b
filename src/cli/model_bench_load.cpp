#include "cli/model_bench_load.hpp"

#include "cli/kept_connection.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <mutex>
#include <thread>

namespace millrace::cli {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }

std::string words_of(const KeptConnection::Answer& answer) {
    if (answer.status == 0) return "the daemon did not answer in time, or the connection broke";
    const auto problem = parse_json(answer.json);
    if (problem)
        for (const auto* name : {"detail", "error"})
            if (const auto* text = find(*problem, {name}); text && text->is_string())
                return fmt::format("{}: {}", answer.status, std::string_view{text->get_string()});
    return fmt::format("the daemon answered {}", answer.status);
}

// What the clients share; each writes its samples into a cell of its own.
struct Shared {
    const Load& load;
    const std::atomic<bool>& stop;
    Steady::time_point begin; // of the measurement, after the warm-up
    std::atomic<std::size_t> turn{0}, running{0};
    std::mutex mutex{};
    std::string problem{}; // under the mutex
    std::exception_ptr failure{};
};

void client(Shared& shared, Cell& cell) {
    const auto& load = shared.load;
    KeptConnection connection{load.socket, load.timeout};
    do {
        const auto& request = load.requests[shared.turn++ % load.requests.size()];
        const auto start = Steady::now();
        const auto answer = connection.call(request);
        const Sample sample{seconds_since(shared.begin), seconds_since(start) * 1000, server_figures(answer.json).value_or(ServerFigures{})};
        if (answer.status == 200) {
            if (start >= shared.begin) cell.samples.push_back(sample);
            continue;
        }
        ++cell.errors;
        {
            const std::lock_guard lock{shared.mutex};
            if (shared.problem.empty()) shared.problem = words_of(answer);
        }
        std::this_thread::sleep_for(20ms); // a server that refuses is not to be flooded
    } while (!shared.stop && (seconds_since(shared.begin) < load.seconds || (cell.samples.empty() && cell.errors == 0)));
}

void run_client(Shared& shared, Cell& cell) {
    try {
        client(shared, cell);
    } catch (...) {
        const std::lock_guard lock{shared.mutex};
        shared.failure = std::current_exception();
    }
    --shared.running;
}

} // namespace

Outcome run_load(const Load& load, const std::atomic<bool>& stop, const std::function<void(double)>& elapsed) {
    const auto warm_up = std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>{load.warm_up});
    Shared shared{load, stop, Steady::now() + warm_up};
    std::vector<Cell> cells(load.concurrency);
    std::vector<std::jthread> threads;
    shared.running = load.concurrency;
    for (auto& cell : cells) threads.emplace_back([&shared, &cell] { run_client(shared, cell); });
    for (auto shown = Steady::now(); shared.running > 0; std::this_thread::sleep_for(5ms))
        if (Steady::now() - shown >= 100ms) {
            shown = Steady::now();
            elapsed(std::min(1.0, (seconds_since(shared.begin) + load.warm_up) / (load.warm_up + load.seconds)));
        }
    const double measured = std::min(load.seconds, seconds_since(shared.begin)); // less when it was stopped
    threads.clear();
    if (shared.failure) std::rethrow_exception(shared.failure);
    Outcome outcome{{load.concurrency, load.batch, std::max(0.0, measured), {}, 0}, std::move(shared.problem)};
    for (auto& cell : cells) {
        outcome.cell.samples.insert(outcome.cell.samples.end(), cell.samples.begin(), cell.samples.end());
        outcome.cell.errors += cell.errors;
    }
    return outcome;
}

} // namespace millrace::cli
