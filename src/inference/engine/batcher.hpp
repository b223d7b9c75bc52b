// Decides which waiting work goes into the next batch. Pure: time comes in as a value, nothing blocks. Not
// thread-safe; lives on the engine's thread.
//
// The caller asks next() whenever something has changed, so that batches grow while the device is busy. Where a device
// has room, what waits is sent when the batch is full or its oldest item has waited the model's delay. Ahead of time,
// to be decoded meanwhile, only a full batch is sent (or one past a delay of the model's).
//
// Models share the time by start-time fair queueing (Goyal et al., SIGCOMM 1996): the one with the least virtual time
// is next, which a batch moves on by what its passes take, in milliseconds of a whole device, over the model's weight.
// The time of a batch is guessed from those before when it is sent, and put right by settle(). Who comes back from
// idleness begins at the present virtual time: he saves up no turns. Who is next and waits for a place is not
// overtaken. While other models are at work, batches are no larger than takes `longest_shared_pass`, so that nobody
// waits long for a place. Within a model the higher priority goes first; priorities age by one level a second, so that
// the lowest are served in the end.
//
// An item that must be alone has the device run empty for it: nothing else is sent until it is. Where a batch hangs
// there, that would stop everybody, so it lasts a second at first, then others go on for ten times as long before it is
// tried for longer.
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
    std::size_t max_batch = 1; // rows
    std::chrono::microseconds max_delay{0};
    double weight = 1; // share of the time beside other models
};

class Batcher {
public:
    using ModelKey = std::uint32_t;
    using ItemKey = std::uint64_t;

    struct Item {
        ItemKey key = 0;
        int priority = 5; // 0-9, 9 first
        Monotonic arrived, deadline;
        bool alone = false;   // in a batch of its own, with nothing else on the device
        bool file = false;    // needs a descriptor of its own in the frame
        std::size_t rows = 1; // of a batch
    };
    struct Batch {
        ModelKey model = 0;
        std::vector<ItemKey> items;
        std::vector<ItemKey> expired; // their deadline had passed: not to be sent
        bool alone = false;           // nothing may be sent beside it
        double charged = 0;           // virtual milliseconds: for settle()
    };
    // What the passes of a batch took.
    struct Cost {
        double ms = 0;        // one after the other
        double share = 1;     // of the device
        std::size_t rows = 0; // 0: nothing is learnt from it
    };

    void add_model(ModelKey model, BatchRule rule);
    void add(ModelKey model, Item item);           // the model must be known
    void put_back(ModelKey model, Item item);      // it was in a batch before: in front of its priority
    bool remove(ModelKey model, const Item& item); // false when it does not wait here
    std::vector<ItemKey> take_all(ModelKey model); // its items, removed (a load failed)
    std::vector<ItemKey> take_all();
    std::vector<ItemKey> take_expired(Monotonic now); // looks at everything: for a slow timer

    // What the device that asks has for batches of a model.
    enum class Room {
        none,             // not loaded there, or it has there what it may have: it waits for nobody
        crowded,          // others hold all places: it waits for one
        for_full_batches, // others hold the places; one may be prepared, and it waits for a place
        behind_its_own,   // its own batches hold the places; a full one may be prepared
        free,             // a place is free
        idle,             // nothing runs there at all
    };
    static constexpr double longest_shared_pass_ms = 50;
    struct Offer {
        Offer(Room its_room, bool takes_batches = true, bool takes_alone = true)
            : room{its_room},
              batches{takes_batches},
              alone{takes_alone} {}
        Room room;
        bool batches, alone; // which of the two may be sent there: what is to be alone may have a device elsewhere
    };
    // The items are removed. nullopt: nothing is to be sent now.
    std::optional<Batch> next(Monotonic now, const std::function<Offer(ModelKey)>& offer_for);
    // A batch has ended, or will never: its model's virtual time is put right.
    void settle(ModelKey model, double charged, const Cost& cost);
    // When to ask again although nothing happens, because a delay ends then: after `now`. nullopt: never.
    std::optional<Monotonic> wake_at(Monotonic now) const;

    std::size_t size() const { return size_; }
    std::size_t waiting(ModelKey model) const;
    std::size_t waiting_alone(ModelKey model) const; // of those

private:
    static constexpr std::chrono::seconds first_drain{1};
    struct Lane {
        BatchRule rule;
        std::array<std::deque<Item>, 10> levels; // by priority
        std::deque<Item> alone;
        std::size_t size = 0, rows = 0;  // in levels
        double turn = 0;                 // virtual time at which its next batch begins
        double row_ms = 0, row_cost = 0; // of one row, on average lately: of a pass, and of the device; 0: not known
        Monotonic used{};                // when an item came, or was sent
    };
    struct Choice {
        ModelKey model = 0;
        Lane* lane = nullptr;
        bool alone = false, idle = false, sendable = false;
        double urgency = 0;
    };
    static std::deque<Item>& line(Lane& lane, const Item& item);
    static const Item* oldest(const Lane& lane);
    static bool has_waited(const Lane& lane, Monotonic now);
    std::size_t most_rows(const Lane& lane, Monotonic now) const;
    std::optional<Choice> choice_of(ModelKey model, Lane& lane, Monotonic now, const Offer& offer);
    void enter(Lane& lane, const Item& item);
    Batch send(const Choice& choice, Monotonic now);
    static std::deque<Item>* most_urgent_level(Lane& lane, Monotonic now);
    static void count(Lane& lane, const Item& item, int sign);
    std::size_t fill(Batch& batch, Lane& lane, Monotonic now);

    bool may_drain(Monotonic now);

    std::map<ModelKey, Lane> lanes_;
    std::size_t size_ = 0;
    double clock_ = 0;                        // virtual time: of the batch that was sent last
    std::optional<Monotonic> draining_since_; // the device runs empty for an item that must be alone
    Monotonic drain_again_;
    std::chrono::nanoseconds longest_drain_ = first_drain;
};

} // namespace millrace::inference
