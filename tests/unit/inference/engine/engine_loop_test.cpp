// One at a time has the engine's state: a handler of its thread, or another thread that found it free.
#include "inference/engine/engine_loop.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace millrace::inference;

TEST_CASE("a thread takes the turn only where nobody has it, itself included") {
    EngineLoop loop;
    {
        const auto turn = loop.try_take();
        REQUIRE(turn);
        CHECK_FALSE(loop.try_take());
        std::thread{[&] { CHECK_FALSE(loop.try_take()); }}.join();
    }
    std::thread{[&] { CHECK(loop.try_take()); }}.join();
}

TEST_CASE("handlers wait for the turn, and have it alone") {
    EngineLoop loop;
    int inside = 0, most = 0, ran = 0;
    const auto work = [&] {
        most = std::max(most, ++inside);
        ++ran;
        CHECK_FALSE(loop.try_take()); // what the engine calls back must not come in again
        --inside;
    };
    std::atomic<int> taken{0};
    std::vector<std::thread> others;
    for (int i = 0; i < 2; ++i)
        others.emplace_back([&] {
            for (int turn = 0; turn < 1000; ++turn) {
                const auto mine = loop.try_take();
                if (!mine) continue;
                most = std::max(most, ++inside);
                --inside;
                ++taken;
            }
        });
    for (int i = 0; i < 1000; ++i) loop.post(work);
    loop.context().run();
    for (auto& each : others) each.join();
    CHECK(most == 1);
    CHECK(ran == 1000);
    CHECK(taken > 0);
}
