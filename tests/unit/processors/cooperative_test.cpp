#include "processors/echo/echo.hpp"
#include "processors/exec/seats.hpp"
#include "processors/sleep/sleep.hpp"
#include "unit/processors/fake_dispatcher.hpp"

using namespace millrace;
using namespace millrace::processors;
using namespace millrace::processors::testing;

TEST_CASE("a sleeping job ends when it is cancelled, without sleeping on") {
    FakeDispatcher dispatcher;
    Sleep sleep;
    const auto run = dispatcher.start(sleep, R"({"seconds":86400})");
    REQUIRE(dispatcher.until([&] { return !run->progress.empty(); }));
    CHECK_FALSE(run->over());
    run->cancel();
    CHECK(dispatcher.finish(run));
    CHECK_FALSE(run->succeeded());
}

TEST_CASE("a job that is cancelled before it began does nothing") {
    FakeDispatcher dispatcher;
    Sleep sleep;
    const auto run = dispatcher.start(sleep, R"({"seconds":86400})");
    run->cancel();
    CHECK(dispatcher.finish(run));
    CHECK_FALSE(run->succeeded());
}

TEST_CASE("an echo is over before it could be cancelled") {
    FakeDispatcher dispatcher;
    Echo echo;
    const auto run = dispatcher.start(echo, "[1]");
    REQUIRE(dispatcher.finish(run));
    run->cancel();
    CHECK(run->result() == "[1]");
}

namespace {

struct Guest {
    std::optional<bool> seated; // absent while it waits
    asio::cancellation_signal stop, leave;
};

// Takes a seat and keeps it until told to leave.
awaitable<void> visit(Seats& seats, Guest& guest, Monotonic deadline) {
    auto seat = co_await seats.take(deadline);
    guest.seated = seat.has_value();
    if (!seat) co_return;
    asio::steady_timer timer{co_await asio::this_coro::executor, Monotonic::max()};
    co_await timer.async_wait(asio::use_awaitable);
}

struct Room {
    Seats seats{1};
    asio::io_context context;
    void enter(Guest& guest, Monotonic deadline = std::chrono::steady_clock::now() + 600s) {
        asio::co_spawn(context, visit(seats, guest, deadline),
                       asio::bind_cancellation_slot(guest.stop.slot(), [](std::exception_ptr) {}));
        turn();
    }
    void leave(Guest& guest) {
        guest.stop.emit(asio::cancellation_type::terminal);
        turn();
    }
    void turn() {
        context.restart();
        while (context.poll() > 0) {}
    }
};

} // namespace

TEST_CASE("seats are given in the order of coming, and come back") {
    Guest a, b, c;
    Room room;
    room.enter(a);
    room.enter(b);
    room.enter(c);
    CHECK(a.seated == true);
    CHECK_FALSE(b.seated);
    room.leave(a);
    CHECK(b.seated == true);
    CHECK_FALSE(c.seated);
    room.leave(b);
    CHECK(c.seated == true);
    room.leave(c);
    CHECK(room.seats.free() == 1);
}

TEST_CASE("who goes away while he waits holds up nobody") {
    Guest a, b, c;
    Room room;
    room.enter(a);
    room.enter(b);
    room.enter(c);
    room.leave(b);
    CHECK(b.seated == false);
    room.leave(a);
    CHECK(c.seated == true);
    room.leave(c);
    CHECK(room.seats.free() == 1);
}

TEST_CASE("a seat that comes together with a cancellation is not lost") {
    Guest a, b, c;
    Room room;
    room.enter(a);
    room.enter(b);
    room.enter(c);
    a.stop.emit(asio::cancellation_type::terminal);
    room.context.restart();
    room.context.poll_one(); // the seat is b's, who has not woken yet
    room.leave(b);
    CHECK(c.seated == true);
    room.leave(c);
    CHECK(room.seats.free() == 1);
}

TEST_CASE("waiting for a seat ends at the deadline") {
    Guest a, b;
    Room room;
    room.enter(a);
    room.enter(b, std::chrono::steady_clock::now() + 1ms);
    for (int i = 0; i < 10'000 && !b.seated; ++i) {
        room.turn();
        std::this_thread::sleep_for(1ms);
    }
    CHECK(b.seated == false);
    room.leave(a);
    CHECK(room.seats.free() == 1);
}

TEST_CASE("a room that is left with guests in it falls without harm") {
    Guest a, b;
    Room room;
    room.enter(a);
    room.enter(b);
}
