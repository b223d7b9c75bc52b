// Chores: in turn, piece by piece, again after their time, and no more once it was stopped.
#include "upkeep/upkeep.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace millrace;
using namespace std::chrono_literals;

namespace {

struct World {
    // A chore that has so many pieces to do in each round, and writes its name down.
    upkeep::Chore chore(std::string name, int pieces, std::chrono::seconds every = 3600s) {
        return {name, every, [this, name, pieces, left = pieces]() mutable -> awaitable<bool> {
                    done += name;
                    if (--left > 0) co_return true;
                    left = pieces;
                    co_return false;
                }};
    }
    // Until so many pieces are done, and a little longer: whatever follows would show.
    void run(std::size_t pieces) {
        upkeep.start(context);
        for (int turn = 0; turn < 1000 && done.size() < pieces; ++turn) context.run_one_for(10ms);
        finish(20ms);
    }
    void finish(std::chrono::milliseconds time) {
        context.run_for(time);
        upkeep.stop();
        context.restart();
        context.run_for(10ms);
    }

    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1}; // nowhere
    telemetry::Metrics metrics;
    asio::io_context context;
    std::string done;
    upkeep::Upkeep upkeep{SystemClock::instance(), log, metrics};
};

} // namespace

TEST_CASE("chores take turns piece by piece, and one that is done waits for its next round") {
    World world;
    world.upkeep.add(world.chore("a", 3));
    world.upkeep.add(world.chore("b", 1));
    world.upkeep.add(world.chore("c", 2));
    world.run(6);
    CHECK(world.done == "abcaca");
}

TEST_CASE("a chore begins anew when its time has come") {
    World world;
    world.upkeep.add(world.chore("a", 2, 0s));
    world.run(4);
    CHECK(world.done.size() >= 4);
}

TEST_CASE("a chore that throws keeps none of the others from theirs, and is tried in its next round") {
    World world;
    world.upkeep.add({"broken", 3600s, []() -> awaitable<bool> {
                          throw std::runtime_error{"broken"};
                          co_return true;
                      }});
    world.upkeep.add(world.chore("a", 2));
    world.run(2);
    CHECK(world.done == "aa");
}

TEST_CASE("after a stop no piece begins") {
    World world;
    world.upkeep.add({"a", 3600s, [&]() -> awaitable<bool> {
                          world.done += "a";
                          world.upkeep.stop();
                          co_return true;
                      }});
    world.run(1);
    CHECK(world.done == "a");
}

TEST_CASE("what takes long is followed by a pause, so that no more than a share of the time goes to it") {
    World world;
    world.upkeep.add({"slow", 3600s, [&]() -> awaitable<bool> {
                          asio::steady_timer timer{world.context, 20ms};
                          co_await timer.async_wait(asio::use_awaitable);
                          world.done += "s";
                          co_return true;
                      }});
    world.upkeep.start(world.context);
    world.finish(150ms); // a piece, three times its length of rest, a piece
    CHECK(world.done.size() <= 2);
}
