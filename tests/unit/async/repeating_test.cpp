#include "async/io_pool.hpp"
#include "async/repeating.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>

using namespace millrace::async;
using namespace std::chrono_literals;

TEST_CASE("repeated work is done again and again on the io thread until it is stopped") {
    IoPool io{"repeat", 1};
    std::atomic<int> times{0};
    std::promise<std::thread::id> third;
    Repeating repeating;
    repeating.start(io.at(0), 1ms, [&] {
        if (++times == 3) third.set_value(std::this_thread::get_id());
    });
    CHECK(third.get_future().get() != std::this_thread::get_id());
    CHECK_FALSE(repeating.stopped());
    CHECK(repeating.stop());
    CHECK(repeating.stopped());
    CHECK_FALSE(repeating.stop()); // again
    io.stop();
}

TEST_CASE("work that is stopped is not done any more") {
    boost::asio::io_context context;
    int times = 0;
    Repeating repeating;
    repeating.start(context, 1ms, [&] {
        if (++times == 2) CHECK(repeating.stop());
    });
    context.run(); // ends, for nothing is left to wait for
    CHECK(times == 2);
}

TEST_CASE("what was never started has nothing to stop") {
    Repeating repeating;
    CHECK_FALSE(repeating.stop());
    CHECK(repeating.stopped());
}
