// Batches that find no memory shrink one at a time; nobody waits for another for long.
#include "inference/worker/passes/neighbours.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <optional>
#include <thread>

using namespace millrace::inference::worker;
using namespace std::chrono_literals;

TEST_CASE("while a batch shrinks no other begins, until it has ended") {
    Neighbours neighbours;
    neighbours.give_way(); // nobody shrinks
    std::optional<Neighbours::Shrinking> shrinking{neighbours};
    shrinking->begin();
    shrinking->begin(); // it has it already
    auto other = std::async(std::launch::async, [&] { neighbours.give_way(); });
    CHECK(other.wait_for(50ms) == std::future_status::timeout);
    shrinking.reset();
    CHECK(other.wait_for(1s) == std::future_status::ready);
}

TEST_CASE("a batch that hangs while it shrinks holds up others for two seconds, once") {
    Neighbours neighbours;
    Neighbours::Shrinking hangs{neighbours}, other{neighbours};
    hangs.begin();
    const auto begin = std::chrono::steady_clock::now();
    other.begin();
    CHECK(std::chrono::steady_clock::now() - begin >= 1500ms);
    auto next = std::async(std::launch::async, [&] { neighbours.give_way(); });
    CHECK(next.wait_for(500ms) == std::future_status::ready);
}

TEST_CASE("what finds no memory waits for a neighbour to end, and not where there is none") {
    Neighbours neighbours;
    CHECK(neighbours.comes());
    CHECK_FALSE(neighbours.wait_for_one());
    CHECK_FALSE(neighbours.comes());
    Neighbours::Shrinking mine{neighbours};
    mine.begin();
    const auto begin = std::chrono::steady_clock::now();
    auto waits = std::async(std::launch::async, [&] { return neighbours.wait_for_one(); });
    std::this_thread::sleep_for(20ms);
    neighbours.is_over();
    CHECK(waits.get());
    CHECK(std::chrono::steady_clock::now() - begin < 400ms);
    neighbours.is_over();
}
