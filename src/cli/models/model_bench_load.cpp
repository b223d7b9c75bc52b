#include "cli/models/model_bench_load.hpp"

#include "cli/models/kept_connection.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <mutex>
#include <optional>
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
                return fmt::format("{}: {}", answer.status, printable(std::string_view{text->get_string()}));
    return fmt::format("the daemon answered {}", answer.status);
}

// What the clients share.
struct Shared {
    const Load& load;
    const std::atomic<bool>& stop;
    std::barrier<> warm; // the measurement begins when all of them have had an answer: the first may load the model
    std::atomic<std::size_t> turn{0}, running{0}, measuring{0};
    std::mutex mutex{};
    std::string problem{}; // under the mutex, as is the next
    std::exception_ptr failure{};
};

void send_next(Shared& shared, KeptConnection& connection, BenchClient& client) {
    const auto& request = shared.load.requests[shared.turn++ % shared.load.requests.size()];
    const auto start = Steady::now();
    const auto answer = connection.call(request);
    if (answer.status == 200) {
        client.samples.push_back({seconds_since(start) * 1000, server_figures(answer.json).value_or(ServerFigures{})});
        return;
    }
    ++client.errors;
    {
        const std::lock_guard lock{shared.mutex};
        if (shared.problem.empty()) shared.problem = words_of(answer);
    }
    std::this_thread::sleep_for(20ms); // a server that refuses is not to be flooded
}

// Sends for so many seconds, at least once.
BenchClient send_for(Shared& shared, KeptConnection& connection, double seconds) {
    BenchClient client;
    const auto start = Steady::now();
    do send_next(shared, connection, client);
    while (!shared.stop && seconds_since(start) < seconds);
    client.seconds = seconds_since(start);
    return client;
}

void run_client(Shared& shared, BenchClient& client) {
    bool waited = false;
    try {
        KeptConnection connection{shared.load.socket, shared.load.timeout};
        send_for(shared, connection, shared.load.warm_up);
        waited = true;
        shared.warm.arrive_and_wait();
        ++shared.measuring;
        if (!shared.stop) client = send_for(shared, connection, shared.load.seconds);
    } catch (...) {
        if (!waited) shared.warm.arrive_and_drop();
        const std::lock_guard lock{shared.mutex};
        shared.failure = std::current_exception();
    }
    --shared.running;
}

} // namespace

Outcome run_load(const Load& load, const std::atomic<bool>& stop, const std::function<void(double)>& elapsed) {
    Shared shared{load, stop, std::barrier<>{static_cast<std::ptrdiff_t>(load.concurrency)}};
    Outcome outcome{{load.batch, std::vector<BenchClient>(load.concurrency)}, {}};
    shared.running = load.concurrency;
    {
        std::vector<std::jthread> threads;
        for (auto& client : outcome.cell.clients)
            threads.emplace_back([&shared, &client] { run_client(shared, client); });
        std::optional<Steady::time_point> begin;
        for (auto shown = Steady::now(); shared.running > 0; std::this_thread::sleep_for(5ms)) {
            if (shared.measuring > 0 && !begin) begin = Steady::now();
            if (Steady::now() - shown < 100ms) continue;
            shown = Steady::now();
            elapsed(begin ? std::min(1.0, seconds_since(*begin) / load.seconds) : 0.0);
        }
    }
    if (shared.failure) std::rethrow_exception(shared.failure);
    const auto& clients = outcome.cell.clients;
    const bool refused = std::any_of(clients.begin(), clients.end(),
                                     [](const auto& each) { return each.errors > 0; }); // after the warm-up
    if (refused) outcome.problem = std::move(shared.problem);
    return outcome;
}

} // namespace millrace::cli
