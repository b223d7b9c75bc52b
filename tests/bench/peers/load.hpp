// The load of a peer: so many connections, each on a thread of its own, each doing one thing after the other.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace millrace::bench {

inline constexpr const char* peer_payload = R"({"order":4711,"customer":"a customer"})";

struct Load {
    double per_second = 0, p50_ms = 0, p99_ms = 0;
    void print(const char* name, const char* after) const {
        std::printf("\"%s\": {\"per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}%s", name, per_second, p50_ms,
                    p99_ms, after);
    }
};

// `step(connection)` returns how many things it did; 0: there is nothing left to do. At most `seconds`.
inline Load run_load(std::size_t connections, double seconds, const std::function<std::size_t(std::size_t)>& step) {
    using Clock = std::chrono::steady_clock;
    std::vector<std::vector<float>> waits(connections);
    std::atomic<std::size_t> done{0};
    const auto start = Clock::now();
    const auto end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < connections; ++i)
        threads.emplace_back([&, i] {
            for (auto asked = Clock::now(); asked < end;) {
                const auto count = step(i);
                if (count == 0) return;
                done += count;
                const auto now = Clock::now();
                waits[i].push_back(std::chrono::duration<float, std::milli>(now - asked).count());
                asked = now;
            }
        });
    for (auto& thread : threads) thread.join();
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    std::vector<float> all;
    for (const auto& mine : waits) all.insert(all.end(), mine.begin(), mine.end());
    std::sort(all.begin(), all.end());
    const auto at = [&](double part) {
        return all.empty()
                   ? 0.0
                   : static_cast<double>(all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))]);
    };
    return {static_cast<double>(done) / elapsed, at(0.5), at(0.99)};
}

} // namespace millrace::bench
