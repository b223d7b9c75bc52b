#include "async/awaitable.hpp"
#include "async/guarded.hpp"
#include "async/io_pool.hpp"
#include "async/thread_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <future>
#include <set>
#include <stdexcept>

using namespace millrace;
using namespace millrace::async;

namespace {

// Holds a pool's thread until it is opened.
struct Gate {
    std::promise<void> opened;
    std::shared_future<void> open{opened.get_future()};
};

struct Seen {
    Result<int> value{0};
    std::thread::id before, after, worker;
};

awaitable<Seen> through(ThreadPool* pool) {
    Seen seen;
    seen.before = std::this_thread::get_id();
    auto work = [&seen]() -> Result<int> {
        seen.worker = std::this_thread::get_id();
        return 42;
    };
    seen.value = co_await pool->run(work);
    seen.after = std::this_thread::get_id();
    co_return seen;
}

awaitable<Result<int>> throwing(ThreadPool* pool) {
    auto work = []() -> Result<int> { throw std::runtime_error{"broken"}; };
    co_return co_await pool->run(work);
}

awaitable<std::pair<int, std::thread::id>> completed_by(std::thread* other) {
    auto start = [other](std::function<void(int)> done) { *other = std::thread{[done] { done(7); }}; };
    const int value = co_await completion<int>(start);
    co_return std::pair{value, std::this_thread::get_id()};
}

} // namespace

TEST_CASE("work runs on the pool's thread and the coroutine resumes on its own") {
    IoPool io{"io", 1};
    ThreadPool pool{"files", 2, 8};
    const auto seen = asio::co_spawn(io.at(0), through(&pool), asio::use_future).get();
    CHECK(*seen.value == 42);
    CHECK(seen.before == seen.after);
    CHECK(seen.worker != seen.before);
    CHECK(seen.worker != std::this_thread::get_id());
}

TEST_CASE("a full pool answers unavailable at once, and takes work again when there is room") {
    IoPool io{"io", 1};
    ThreadPool pool{"files", 1, 1};
    Gate gate;
    std::promise<void> begun;
    REQUIRE(pool.post([&] {
        begun.set_value();
        gate.open.wait();
    }));
    begun.get_future().wait();
    REQUIRE(pool.post([] {})); // fills the queue
    CHECK_FALSE(pool.post([] {}));
    const auto seen = asio::co_spawn(io.at(0), through(&pool), asio::use_future).get();
    REQUIRE(seen.value.has_error());
    CHECK(seen.value.error().code == Code::unavailable);
    CHECK(seen.value.error().detail.find("files") != std::string::npos);
    CHECK(seen.before == seen.after);
    gate.opened.set_value();
    // Room comes when the thread has taken what is queued.
    Result<int> later{Error{}};
    for (int i = 0; i < 1000 && !later.has_value(); ++i) {
        later = asio::co_spawn(io.at(0), through(&pool), asio::use_future).get().value;
        if (!later.has_value()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    REQUIRE(later.has_value());
    CHECK(*later == 42);
}

TEST_CASE("an exception of the work is an internal error, and the pool lives on") {
    IoPool io{"io", 1};
    ThreadPool pool{"files", 1, 4};
    const auto result = asio::co_spawn(io.at(0), throwing(&pool), asio::use_future).get();
    REQUIRE(result.has_error());
    CHECK(result.error().code == Code::internal);
    CHECK(result.error().detail == "broken");
    CHECK(*asio::co_spawn(io.at(0), through(&pool), asio::use_future).get().value == 42);
}

TEST_CASE("closing runs what is queued and refuses what comes later") {
    std::atomic<int> ran{0};
    ThreadPool pool{"files", 1, 100};
    for (int i = 0; i < 50; ++i) REQUIRE(pool.post([&] { ++ran; }));
    pool.close();
    CHECK(ran == 50);
    CHECK_FALSE(pool.post([&] { ++ran; }));
    pool.close(); // again: nothing happens
    CHECK(ran == 50);
}

TEST_CASE("a value from another thread resumes the coroutine on its own executor") {
    IoPool io{"io", 1};
    std::thread other;
    const auto io_thread =
        asio::co_spawn(
            io.at(0), []() -> awaitable<std::thread::id> { co_return std::this_thread::get_id(); }, asio::use_future)
            .get();
    const auto [value, thread] = asio::co_spawn(io.at(0), completed_by(&other), asio::use_future).get();
    CHECK(value == 7);
    CHECK(thread == io_thread);
    other.join();
}

TEST_CASE("a context that only waits for another thread's value keeps running until it comes") {
    asio::io_context context;
    std::thread other;
    auto future = asio::co_spawn(context, completed_by(&other), asio::use_future);
    context.run();
    CHECK(future.get().first == 7);
    other.join();
}

TEST_CASE("io threads have names and take turns") {
    IoPool io{"lane", 3};
    CHECK(io.size() == 3);
    std::set<asio::io_context*> seen;
    for (int i = 0; i < 6; ++i) seen.insert(&io.next());
    CHECK(seen.size() == 3);
    std::promise<std::string> name;
    asio::post(io.at(1), [&] {
        char text[16]{};
        ::pthread_getname_np(::pthread_self(), text, sizeof text);
        name.set_value(text);
    });
    CHECK(name.get_future().get() == "lane-1");
    io.stop();
    io.stop();
}

TEST_CASE("a guarded value is changed by one thread at a time") {
    Guarded<int> value{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 10000; ++i) {
                auto access = value.lock();
                *access = *access + 1;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(*value.lock() == 40000);
}
