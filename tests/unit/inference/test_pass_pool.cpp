// Forward passes share the machine's places.
#include "inference/worker/pass_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

using namespace millrace::inference::worker;
using namespace std::chrono_literals;

namespace {

// Holds passes until they are let go, and counts the places that are taken meanwhile.
struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    int inside = 0, most = 0;
    bool open = false;

    void pass(int threads) {
        std::unique_lock lock{mutex};
        inside += threads;
        most = std::max(most, inside);
        changed.notify_all();
        changed.wait(lock, [&] { return open; });
        inside -= threads;
    }
    bool reached(int places) {
        std::unique_lock lock{mutex};
        return changed.wait_for(lock, 5s, [&] { return inside == places; });
    }
    void let_go() {
        std::lock_guard lock{mutex};
        open = true;
        changed.notify_all();
    }
};

} // namespace

TEST_CASE("narrow passes run side by side, up to the places there are") {
    Gate gate;
    {
        PassPool pool{3, [](int) {}};
        for (int i = 0; i < 5; ++i) pool.add(1, [&] { gate.pass(1); });
        CHECK(gate.reached(3));
        gate.let_go();
    }
    CHECK(gate.most == 3);
    CHECK(gate.inside == 0); // all five ran
}

TEST_CASE("a wide pass waits for all places, and nothing overtakes it for ever") {
    Gate first, wide;
    std::atomic<int> later{0};
    {
        PassPool pool{4, [](int) {}};
        pool.add(1, [&] { first.pass(1); });
        REQUIRE(first.reached(1));
        pool.add(4, [&] { wide.pass(4); });
        for (int i = 0; i < 4; ++i) pool.add(1, [&] { ++later; });
        CHECK_FALSE([&] {
            std::unique_lock lock{wide.mutex};
            return wide.changed.wait_for(lock, 20ms, [&] { return wide.inside > 0; });
        }());
        CHECK(later == 0); // they came after it
        first.let_go();
        CHECK(wide.reached(4));
        CHECK(later == 0);
        wide.let_go();
    }
    CHECK(later == 4);
}

TEST_CASE("a thread is told how wide its passes are, once for each change") {
    std::mutex mutex;
    std::vector<int> told;
    {
        PassPool pool{2, [&](int threads) {
                          std::lock_guard lock{mutex};
                          told.push_back(threads);
                      }};
        for (const int threads : {2, 2, 2}) pool.add(threads, [] {});
    }
    CHECK(told == std::vector<int>{2}); // wide passes stay on the first thread
}

TEST_CASE("a pass that asks for more than there is takes all there is") {
    bool ran = false;
    { PassPool{2, [](int threads) { CHECK(threads <= 2); }}.add(64, [&] { ran = true; }); }
    CHECK(ran);
}
