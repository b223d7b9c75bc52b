// Forward passes share the machine's places.
#include "inference/worker/passes/pass_pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

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
        PassPool pool{"infer", 3, 1h, [](int) {}};
        for (int i = 0; i < 5; ++i) pool.add(1, 1, [&] { gate.pass(1); });
        CHECK(gate.reached(3));
        gate.let_go();
    }
    CHECK(gate.most == 3);
    CHECK(gate.inside == 0); // all five ran
}

TEST_CASE("a pass that has the machine to itself may be wider than it is beside others") {
    Gate gate;
    std::mutex mutex;
    std::vector<int> widths;
    {
        PassPool pool{"infer", 2, 1h, [&](int threads) {
                          std::lock_guard lock{mutex};
                          widths.push_back(threads);
                      }};
        pool.add(
            1, 1, [&] { gate.pass(2); }, 2);
        CHECK(gate.reached(2));
        for (int i = 0; i < 2; ++i)
            pool.add(
                1, 1, [&] { gate.pass(1); }, 2);
        gate.let_go();
    }
    CHECK(gate.most == 2);
    REQUIRE(widths.size() == 3);
    CHECK(widths.front() == 2);
    CHECK(std::count(widths.begin(), widths.end(), 1) == 2);
}

TEST_CASE("a wide pass waits for all places, and nothing overtakes it for ever") {
    Gate first, wide;
    std::atomic<int> later{0};
    {
        PassPool pool{"infer", 4, 1h, [](int) {}};
        pool.add(1, 1, [&] { first.pass(1); });
        REQUIRE(first.reached(1));
        pool.add(1, 4, [&] { wide.pass(4); });
        for (int i = 0; i < 4; ++i) pool.add(1, 1, [&] { ++later; });
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
        PassPool pool{"infer", 2, 1h, [&](int threads) {
                          std::lock_guard lock{mutex};
                          told.push_back(threads);
                      }};
        for (const int threads : {2, 2, 2}) pool.add(1, threads, [] {});
    }
    CHECK(told == std::vector<int>{2}); // wide passes stay on the first thread
}

TEST_CASE("a pass that asks for more than there is takes all there is") {
    bool ran = false;
    {
        PassPool{"infer", 2, 1h, [](int threads) { CHECK(threads <= 2); }}.add(1, 64, [&] { ran = true; });
    }
    CHECK(ran);
}

TEST_CASE("passes that last lend their places to other models, never to their own") {
    Gate hanging, more;
    std::atomic<int> others{0};
    {
        PassPool pool{"infer", 2, 5ms, [](int) {}};
        for (int i = 0; i < 2; ++i) pool.add(1, 1, [&] { hanging.pass(1); });
        REQUIRE(hanging.reached(2));
        for (int i = 0; i < 2; ++i)
            pool.add(1, 1, [&] { more.pass(1); }); // before the others, yet they do not wait for it
        std::mutex mutex;
        std::condition_variable changed;
        for (int i = 0; i < 20; ++i)
            pool.add(static_cast<PassPool::Model>(2 + i % 3), 1 + i % 2, [&] {
                std::lock_guard lock{mutex};
                ++others;
                changed.notify_all();
            });
        {
            std::unique_lock lock{mutex};
            CHECK(changed.wait_for(lock, 10s, [&] { return others == 20; }));
        }
        CHECK(more.inside == 0);
        hanging.let_go();
        CHECK(more.reached(2));
        more.let_go();
    }
    CHECK(hanging.most == 2);
    CHECK(more.most == 2);
}

TEST_CASE("each of several models may hang, and the next still gets a place") {
    Gate hanging;
    std::atomic<bool> ran{false};
    {
        PassPool pool{"infer", 2, 5ms, [](int) {}};
        for (PassPool::Model model = 1; model <= 5; ++model) pool.add(model, 2, [&] { hanging.pass(2); });
        CHECK(hanging.reached(10));
        pool.add(6, 2, [&] { ran = true; });
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (!ran && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
        CHECK(ran);
        hanging.let_go();
    }
    CHECK(hanging.inside == 0);
}

TEST_CASE("passes that do not last take turns: nobody's begin beside them") {
    Gate gate;
    std::atomic<bool> other{false};
    {
        PassPool pool{"infer", 2, 1h, [](int) {}};
        pool.add(1, 2, [&] { gate.pass(2); });
        REQUIRE(gate.reached(2));
        pool.add(2, 1, [&] { other = true; });
        std::this_thread::sleep_for(30ms);
        CHECK_FALSE(other);
        gate.let_go();
    }
    CHECK(other);
}

TEST_CASE("a small pass runs on the thread that brings it, when nothing else runs") {
    std::vector<std::string> order;
    std::thread::id ran_on;
    PassPool pool{"infer", 2, 1h, [&](int threads) { order.push_back("width " + std::to_string(threads)); }};
    const auto pass = [&] {
        ran_on = std::this_thread::get_id();
        order.push_back("pass");
    };
    std::thread caller{[&] {
        CHECK(pool.run_here(1, pass));
        CHECK(pool.run_here(2, pass));
        CHECK(ran_on == std::this_thread::get_id());
    }};
    caller.join();
    CHECK(order == std::vector<std::string>{"width 1", "pass", "pass"});
}

TEST_CASE("beside another pass a small one is not run by the thread that brings it") {
    Gate gate;
    PassPool pool{"infer", 2, 1h, [](int) {}};
    pool.add(1, 1, [&] { gate.pass(1); });
    REQUIRE(gate.reached(1));
    CHECK_FALSE(pool.run_here(2, [] { FAIL("it ran"); }));
    gate.let_go();
}

TEST_CASE("a small pass that hangs on the thread that brought it lends its place like any other") {
    Gate gate;
    std::atomic<int> others{0};
    std::thread caller;
    {
        PassPool pool{"infer", 1, 5ms, [](int) {}};
        caller = std::thread{[&] { pool.run_here(1, [&] { gate.pass(1); }); }};
        REQUIRE(gate.reached(1));
        for (int i = 0; i < 3; ++i) pool.add(2, 1, [&] { ++others; });
        const auto end = std::chrono::steady_clock::now() + 5s;
        while (others < 3 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
        CHECK(others == 3);
        CHECK_FALSE(pool.run_here(2, [] {}));
        gate.let_go();
        caller.join();
    }
}
