// Decides which waiting work goes into the next batch. Pure: time comes in as a value, nothing blocks. Not
// thread-safe; lives on the engine's thread.
//
// The caller asks next() whenever something has changed, so that batches grow while the device is busy. Where a device has
// room, what waits is sent when the batch is full or its oldest item has waited the model's delay. Ahead of time, to be
// decoded meanwhile, only a full batch is sent (or one past a delay of the model's).
// Priorities age by one level a second, so that the lowest are served in the end.
//
// An item that must be alone has the device run empty for it: nothing else is sent until it is. Where a batch hangs there, that
// would stop everybody, so it lasts a second at first, then others go on for ten times as long before it is tried for longer.
#pragma once
#include "base/clock.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace millrace::inference {

struct BatchRule {
    std::size_t max_batch = 1;             // rows
    std::chrono::microseconds max_delay{0};
};

class Batcher {
public:
    using ModelKey = std::uint32_t;
    using ItemKey = std::uint64_t;

    struct Item {
        ItemKey key = 0;
        int priority = 5;                  // 0-9, 9 first
        Monotonic arrived, deadline;
        bool alone = false;                // in a batch of its own, with nothing else on the device
        bool file = false;                 // needs a descriptor of its own in the frame
        std::size_t rows = 1;              // of a batch
    };
    struct Batch {
        ModelKey model = 0;
        std::vector<ItemKey> items;
        std::vector<ItemKey> expired;      // their deadline had passed: not to be sent
        bool alone = false;                // nothing may be sent beside it
    };

    void add_model(ModelKey model, BatchRule rule);
    void add(ModelKey model, Item item);              // the model must be known
    void put_back(ModelKey model, Item item);         // it was in a batch before: in front of its priority
    bool remove(ModelKey model, const Item& item);    // false when it does not wait here
    std::vector<ItemKey> take_all(ModelKey model);    // its items, removed (a load failed)
    std::vector<ItemKey> take_all();
    std::vector<ItemKey> take_expired(Monotonic now); // looks at everything: for a slow timer

    // What the device that asks has for batches of a model.
    enum class Room {
        none,             // not loaded there, or no place
        for_full_batches, // its places are taken; one more may be prepared
        free,             // a place is free
        idle,             // nothing runs there at all
    };
    // The items are removed. nullopt: nothing is to be sent now.
    std::optional<Batch> next(Monotonic now, const std::function<Room(ModelKey)>& room_for);
    // When to ask again although nothing happens, because a delay ends then: after `now`. nullopt: never.
    std::optional<Monotonic> wake_at(Monotonic now) const;

    std::size_t size() const { return size_; }
    std::size_t waiting(ModelKey model) const;

private:
    static constexpr std::chrono::seconds first_drain{1};
    struct Lane {
        BatchRule rule;
        std::array<std::deque<Item>, 10> levels; // by priority
        std::deque<Item> alone;
        std::size_t size = 0, rows = 0;          // in levels
    };
    static std::deque<Item>& line(Lane& lane, const Item& item);
    static const Item* oldest(const Lane& lane);
    static bool is_due(const Lane& lane, Monotonic now, Room room);
    static std::deque<Item>* most_urgent_level(Lane& lane, Monotonic now);
    static void count(Lane& lane, const Item& item, int sign);
    Batch fill(ModelKey model, Lane& lane, Monotonic now);

    bool may_drain(Monotonic now);

    std::map<ModelKey, Lane> lanes_;
    std::size_t size_ = 0;
    std::optional<Monotonic> draining_since_; // the device runs empty for an item that must be alone
    Monotonic drain_again_;
    std::chrono::nanoseconds longest_drain_ = first_drain;
};

} // namespace millrace::inference
