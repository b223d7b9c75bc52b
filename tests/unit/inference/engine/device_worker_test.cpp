// What room a device has for a model, with time as a value: no worker.
#include "inference/engine/device_worker.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::inference;
using namespace std::chrono_literals;
using Room = Batcher::Room;

namespace {

const Monotonic t0{1'000s};

struct Setup {
    DeviceWorker device;
    std::uint64_t next = 1;

    void add_model(Batcher::ModelKey key, int instances) {
        auto& residence = device.models[key];
        residence.state = Residence::State::ready;
        residence.report.instances = instances;
    }
    Flight& fly(Batcher::ModelKey key, std::optional<Monotonic> begun, bool alone = false) {
        auto& flight = device.flights[next++];
        flight.model = key;
        flight.share = 1.0 / device.models[key].report.instances;
        flight.begun = begun;
        flight.alone = alone;
        return flight;
    }
};

} // namespace

TEST_CASE("one load of batches runs on a device, and one is prepared") {
    Setup s;
    s.add_model(1, 2);
    CHECK(s.device.room(1, t0) == Room::idle);
    s.fly(1, t0);
    CHECK(s.device.room(1, t0) == Room::free);
    s.fly(1, t0);
    CHECK(s.device.room(1, t0) == Room::behind_its_own);
    s.fly(1, {});
    s.fly(1, {});
    CHECK(s.device.room(1, t0) == Room::none);
    CHECK(s.device.room(2, t0) == Room::none); // not loaded
}

TEST_CASE("a model whose places others hold waits for one, and may have a full batch prepared") {
    Setup s;
    s.add_model(1, 1);
    s.add_model(2, 1);
    s.fly(1, t0);
    CHECK(s.device.room(2, t0 + 1ms) == Room::for_full_batches);
    CHECK(s.device.room(1, t0 + 1ms) == Room::behind_its_own);
    s.fly(1, {});
    CHECK(s.device.room(2, t0 + 1ms) == Room::crowded);
}

TEST_CASE("a model whose batches last stands in nobody's way but its own") {
    Setup s;
    s.add_model(1, 1);
    s.add_model(2, 2);
    s.fly(1, t0);
    s.fly(1, {}); // behind it
    CHECK(s.device.room(2, t0 + 1ms) == Room::crowded);
    CHECK(s.device.next_lending(t0 + 1ms) == t0 + 5ms);
    CHECK(s.device.room(2, t0 + 5ms) == Room::free);
    CHECK(s.device.room(1, t0 + 1h) == Room::none);
    CHECK_FALSE(s.device.next_lending(t0 + 5ms));
    s.fly(2, t0 + 5ms);
    CHECK(s.device.room(2, t0 + 5ms) == Room::free); // it has places of its own
    s.fly(2, t0 + 5ms);
    CHECK(s.device.room(2, t0 + 5ms) == Room::behind_its_own);
}

TEST_CASE("nothing goes beside a batch that is to be alone, until it has lasted") {
    Setup s;
    s.add_model(1, 1);
    s.add_model(2, 1);
    s.fly(1, t0, true);
    CHECK(s.device.room(2, t0 + 100ms) == Room::none);
    CHECK(s.device.room(2, t0 + 1s) == Room::free);
}
