// The batcher with time as a value: no clock, no worker.
#include "inference/engine/batcher.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <vector>

using namespace millrace;
using namespace millrace::inference;
using namespace std::chrono_literals;

namespace {

const Monotonic t0{1'000s};

struct Setup {
    Batcher batcher;
    std::set<Batcher::ModelKey> ready;
    std::uint64_t next_key = 1;

    explicit Setup(std::size_t max_batch = 4, std::chrono::microseconds delay = 0us) {
        batcher.add_model(1, {max_batch, delay});
        ready.insert(1);
    }
    std::optional<Batcher::Batch> next(Monotonic at, bool busy) {
        return batcher.next(at, [&](Batcher::ModelKey model) {
            if (!ready.contains(model)) return Batcher::Room::none;
            return busy ? Batcher::Room::for_full_batches : Batcher::Room::idle;
        });
    }
    std::uint64_t add(int priority = 5, Monotonic at = t0, Batcher::ModelKey model = 1,
                      Monotonic deadline = Monotonic::max(), bool alone = false, std::size_t rows = 1) {
        batcher.add(model, {next_key, priority, at, deadline, alone, false, rows});
        return next_key++;
    }
};

using Keys = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("an idle device takes whatever waits, at once") {
    Setup s;
    s.add();
    s.add();
    const auto batch = s.next(t0, false);
    REQUIRE(batch);
    CHECK(batch->items == Keys{1, 2});
    CHECK(s.batcher.size() == 0);
    CHECK_FALSE(s.next(t0, false));
}

TEST_CASE("while the device is busy only a full batch is sent ahead") {
    Setup s;
    for (int i = 0; i < 3; ++i) s.add();
    CHECK_FALSE(s.next(t0, true));
    s.add();
    s.add();
    const auto batch = s.next(t0, true);
    REQUIRE(batch);
    CHECK(batch->items.size() == 4);
    CHECK(s.batcher.size() == 1);
}

TEST_CASE("a delay is waited for, but no longer than the oldest item's") {
    Setup s{4, 2ms};
    s.add();
    s.add(5, t0 + 1ms);
    CHECK_FALSE(s.next(t0 + 1ms, false));
    CHECK(s.batcher.wake_at(t0 + 1ms) == t0 + 2ms);
    CHECK_FALSE(s.batcher.wake_at(t0 + 2ms)); // due: only the device can be waited for
    CHECK(s.next(t0 + 2ms, false)->items.size() == 2);
    for (int i = 0; i < 4; ++i) s.add(5, t0 + 3ms);
    CHECK(s.next(t0 + 3ms, false)->items.size() == 4); // full: no reason to wait
}

TEST_CASE("the higher priority goes first, within one model and between models") {
    Setup s{2};
    s.add(1);
    s.add(9);
    s.add(5);
    CHECK(s.next(t0, false)->items == Keys{2, 3});
    s.batcher.add_model(2, {2, 0us});
    s.ready.insert(2);
    s.add(7, t0, 2);
    CHECK(s.next(t0, false)->model == 2);
    CHECK(s.next(t0, false)->model == 1);
}

TEST_CASE("what has waited long overtakes a higher priority") {
    Setup s{1};
    s.add(0, t0);
    s.add(9, t0 + 10s);
    CHECK(s.next(t0 + 10s, false)->items == Keys{1});
}

TEST_CASE("expired items never reach the device") {
    Setup s;
    s.add(5, t0, 1, t0 + 1s);
    s.add();
    const auto batch = s.next(t0 + 2s, false);
    REQUIRE(batch);
    CHECK(batch->expired == Keys{1});
    CHECK(batch->items == Keys{2});
    s.add(5, t0, 1, t0 + 1s);
    s.add(5, t0, 1, t0 + 1s, true);
    s.add();
    CHECK(s.batcher.take_expired(t0 + 1s) == Keys{3, 4});
    CHECK(s.batcher.size() == 1);
}

TEST_CASE("a model that is not loaded waits, and others go on") {
    Setup s;
    s.batcher.add_model(2, {4, 0us});
    s.add(9, t0, 2);
    s.add(1);
    CHECK(s.next(t0, false)->model == 1);
    CHECK_FALSE(s.next(t0, false));
    s.ready.insert(2);
    CHECK(s.next(t0, false)->model == 2);
}

TEST_CASE("an item that must be alone waits for an idle device and shares its batch with nobody") {
    Setup s;
    s.add(9, t0, 1, Monotonic::max(), true);
    for (int i = 0; i < 5; ++i) s.add(5);
    CHECK_FALSE(s.next(t0, true)); // the device runs empty for it
    const auto lone = s.next(t0, false);
    REQUIRE(lone);
    CHECK(lone->alone);
    CHECK(lone->items == Keys{1});
    CHECK(s.next(t0, false)->items.size() == 4);
    CHECK(s.batcher.size() == 1);
}

TEST_CASE("taking a model's items leaves the others") {
    Setup s;
    s.batcher.add_model(2, {4, 0us});
    s.add();
    s.add(5, t0, 2);
    s.add(5, t0, 1, Monotonic::max(), true);
    CHECK(s.batcher.waiting(1) == 2);
    CHECK(s.batcher.take_all(1).size() == 2);
    CHECK(s.batcher.size() == 1);
    CHECK(s.batcher.take_all() == Keys{2});
    CHECK(s.batcher.size() == 0);
}

TEST_CASE("an item can be taken out wherever it waits, once") {
    Setup s;
    s.add(3);
    s.add(3);
    s.add(3, t0, 1, Monotonic::max(), true);
    CHECK(s.batcher.remove(1, {1, 3, t0, Monotonic::max(), false, false}));
    CHECK_FALSE(s.batcher.remove(1, {1, 3, t0, Monotonic::max(), false, false}));
    CHECK(s.batcher.size() == 2);
    CHECK(s.batcher.remove(1, {3, 3, t0, Monotonic::max(), true, false}));
    CHECK(s.batcher.waiting(1) == 1);
    CHECK(s.next(t0, false)->items == Keys{2});
    CHECK(s.batcher.size() == 0);
}

TEST_CASE("what is put back goes before what came later, and keeps the time it has waited") {
    Setup s{2, 5ms};
    s.add(5, t0 + 1ms);
    s.batcher.put_back(1, {90, 5, t0, Monotonic::max(), false, false});
    CHECK(s.batcher.wake_at(t0 + 1ms) == std::nullopt); // full
    CHECK(s.next(t0 + 1ms, false)->items == Keys{90, 1});
    s.batcher.put_back(1, {91, 5, t0, Monotonic::max(), false, false});
    CHECK(s.batcher.wake_at(t0 + 1ms) == t0 + 5ms);
}

TEST_CASE("a batch is counted in rows, and an item that does not fit waits for the next") {
    Setup s;
    s.add(5, t0, 1, Monotonic::max(), false, 3);
    CHECK_FALSE(s.next(t0, true));
    s.add(5, t0, 1, Monotonic::max(), false, 2);
    CHECK(s.next(t0, true)->items == Keys{1});
    s.add(5, t0, 1, Monotonic::max(), false, 2);
    CHECK(s.next(t0, true)->items == Keys{2, 3});
    CHECK(s.batcher.size() == 0);
}

TEST_CASE("where a place is free beside a running batch, what waits goes, but nothing that must be alone") {
    Setup s;
    s.add();
    const auto free = [](Batcher::ModelKey) { return Batcher::Room::free; };
    CHECK(s.batcher.next(t0, free)->items == Keys{1});
    s.add(9, t0, 1, Monotonic::max(), true);
    CHECK_FALSE(s.batcher.next(t0, free));
    CHECK(s.next(t0, false)->items == Keys{2});
}

TEST_CASE("the device runs empty for an item that must be alone, but not for ever: something may hang there") {
    Setup s;
    s.add(9, t0, 1, Monotonic::max(), true);
    for (int i = 0; i < 8; ++i) s.add(1);
    CHECK_FALSE(s.next(t0, true));
    CHECK_FALSE(s.next(t0 + 900ms, true));
    CHECK(s.next(t0 + 1s, true)->items == Keys{2, 3, 4, 5}); // others go on
    CHECK(s.next(t0 + 10s, true)->items == Keys{6, 7, 8, 9});
    for (int i = 0; i < 4; ++i) s.add(1, t0 + 11s);
    CHECK_FALSE(s.next(t0 + 11s, true)); // tried again, for longer
    CHECK_FALSE(s.next(t0 + 12900ms, true));
    CHECK(s.next(t0 + 13s, true)->items.size() == 4);
    const auto lone = s.next(t0 + 14s, false); // where it does run empty, at once
    REQUIRE(lone);
    CHECK(lone->items == Keys{1});
    CHECK(lone->alone);
}

namespace {

// One device of one place, and models that always have work: what each row of theirs takes is made up.
struct Device {
    Batcher batcher;
    std::map<Batcher::ModelKey, double> row_ms, spent_ms;
    std::map<Batcher::ModelKey, std::size_t> largest;
    std::uint64_t next_key = 1;
    Monotonic now = t0;

    void add_model(Batcher::ModelKey model, std::size_t max_batch, double ms, double weight = 1) {
        batcher.add_model(model, {max_batch, 0us, weight});
        row_ms[model] = ms;
    }
    void fill_up(Batcher::ModelKey model) {
        while (batcher.waiting(model) < 64) batcher.add(model, {next_key++, 5, now, Monotonic::max(), false, false, 1});
    }
    // The model whose batch ran.
    Batcher::ModelKey run_one() {
        const auto batch = batcher.next(now, [](Batcher::ModelKey) { return Batcher::Room::idle; });
        REQUIRE(batch);
        const double ms = row_ms[batch->model] * static_cast<double>(batch->items.size());
        now += std::chrono::microseconds{static_cast<std::int64_t>(ms * 1000)};
        spent_ms[batch->model] += ms;
        largest[batch->model] = std::max(largest[batch->model], batch->items.size());
        batcher.settle(batch->model, batch->charged, {ms, 1, batch->items.size()});
        return batch->model;
    }
    void run_for(std::chrono::seconds time, const std::vector<Batcher::ModelKey>& models) {
        spent_ms.clear();
        largest.clear();
        for (const auto end = now + time; now < end;) {
            for (const auto model : models) fill_up(model);
            run_one();
        }
    }
    double share(Batcher::ModelKey model) {
        double all = 0;
        for (const auto& [each, ms] : spent_ms) all += ms;
        return spent_ms[model] / all;
    }
};

} // namespace

TEST_CASE("models share a device's time equally, whatever their passes take") {
    Device device;
    device.add_model(1, 32, 20);
    device.add_model(2, 32, 0.1);
    device.add_model(3, 1, 3);
    device.run_for(20s, {1, 2, 3});
    for (const auto model : {1u, 2u, 3u}) CHECK(device.share(model) == doctest::Approx(1.0 / 3).epsilon(0.05));
    device.run_for(20s, {1, 2});
    CHECK(device.share(2) == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("models share a device's time by their weights") {
    Device device;
    device.add_model(1, 8, 5, 3);
    device.add_model(2, 8, 1, 1);
    device.run_for(20s, {1, 2});
    CHECK(device.share(1) == doctest::Approx(0.75).epsilon(0.05));
}

TEST_CASE("a model's batches shrink while others are at work, and grow again when it is alone") {
    Device device;
    device.add_model(1, 32, 10);
    device.add_model(2, 32, 200);
    device.add_model(3, 32, 0.01);
    device.run_for(5s, {1});
    CHECK(device.largest[1] == 32);
    device.run_for(20s, {1, 2, 3});
    device.run_for(20s, {1, 2, 3});
    CHECK(device.largest[1] == 5); // 50 ms
    CHECK(device.largest[2] == 1); // no less than one row
    CHECK(device.largest[3] == 32);
    for (const auto model : {2u, 3u}) device.batcher.take_all(model);
    device.now += 1s;
    device.run_for(5s, {1});
    CHECK(device.largest[1] == 32);
}

TEST_CASE("who was idle has saved up no turns, and waits for one batch of the other at most") {
    Device device;
    device.add_model(1, 8, 5);
    device.add_model(2, 8, 5);
    device.run_for(1s, {1, 2});
    device.run_for(60s, {1});
    device.fill_up(1);
    device.fill_up(2);
    const bool first = device.run_one() == 2;
    CHECK((first || device.run_one() == 2));
    device.run_for(10s, {1, 2});
    CHECK(device.share(2) == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("who is next and waits for a place is not overtaken, but who waits for his own batches is") {
    Setup s{4};
    s.batcher.add_model(2, {4, 0us});
    const auto rooms = [](Batcher::Room one, Batcher::Room two) {
        return [=](Batcher::ModelKey model) { return model == 1 ? one : two; };
    };
    s.add(5, t0, 2);
    CHECK(s.batcher.next(t0, rooms(Batcher::Room::free, Batcher::Room::free))->model ==
          2); // and is behind model 1 from now on
    s.add();
    for (int i = 0; i < 4; ++i) s.add(5, t0, 2);
    CHECK_FALSE(s.batcher.next(t0, rooms(Batcher::Room::crowded, Batcher::Room::free)));
    CHECK_FALSE(s.batcher.next(t0, rooms(Batcher::Room::for_full_batches, Batcher::Room::behind_its_own)));
    CHECK(s.batcher.next(t0, rooms(Batcher::Room::behind_its_own, Batcher::Room::free))->model == 2);
    CHECK(s.batcher.next(t0, rooms(Batcher::Room::free, Batcher::Room::free))->model == 1);
}

TEST_CASE("what was sent and came back is not paid for, and what hung is") {
    Setup s{1};
    s.batcher.add_model(2, {1, 0us});
    s.ready.insert(2);
    s.add();
    const auto lost = s.next(t0, false);
    REQUIRE(lost);
    s.batcher.settle(1, lost->charged, {});
    s.add(1);
    s.add(9, t0, 2);
    CHECK(s.next(t0, false)->model == 2); // equal again: the more urgent
    const auto hung = s.next(t0, false);
    REQUIRE(hung);
    s.batcher.settle(1, hung->charged, {30'000, 1, 0});
    for (int i = 0; i < 3; ++i) {
        s.add();
        s.add(1, t0, 2);
    }
    for (int i = 0; i < 3; ++i) CHECK(s.next(t0, false)->model == 2);
}
