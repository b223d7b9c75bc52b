#include "inference/batcher.hpp"

#include "inference/frame.hpp"

#include <algorithm>

namespace millrace::inference {
namespace {

double aged(const Batcher::Item& item, Monotonic now) {
    return item.priority + std::chrono::duration<double>(now - item.arrived).count();
}

} // namespace

void Batcher::add_model(ModelKey model, BatchRule rule) {
    rule.max_batch = std::clamp<std::size_t>(rule.max_batch, 1, frame::max_items);
    lanes_[model].rule = rule;
}

std::deque<Batcher::Item>& Batcher::line(Lane& lane, const Item& item) {
    return item.alone ? lane.alone : lane.levels[static_cast<std::size_t>(std::clamp(item.priority, 0, 9))];
}

void Batcher::count(Lane& lane, const Item& item, int sign) {
    if (item.alone) return;
    lane.size = sign > 0 ? lane.size + 1 : lane.size - 1;
    lane.rows = sign > 0 ? lane.rows + item.rows : lane.rows - item.rows;
}

void Batcher::add(ModelKey model, Item item) {
    auto& lane = lanes_.at(model);
    item.priority = std::clamp(item.priority, 0, 9);
    line(lane, item).push_back(item);
    ++size_;
    count(lane, item, 1);
}

void Batcher::put_back(ModelKey model, Item item) {
    auto& lane = lanes_.at(model);
    item.priority = std::clamp(item.priority, 0, 9);
    line(lane, item).push_front(item);
    ++size_;
    count(lane, item, 1);
}

bool Batcher::remove(ModelKey model, const Item& item) {
    auto& lane = lanes_.at(model);
    if (std::erase_if(line(lane, item), [&](const Item& each) { return each.key == item.key; }) == 0) return false;
    --size_;
    count(lane, item, -1);
    return true;
}

std::vector<Batcher::ItemKey> Batcher::take_all(ModelKey model) {
    std::vector<ItemKey> keys;
    auto& lane = lanes_.at(model);
    const auto take = [&](std::deque<Item>& items) {
        for (const auto& item : items) keys.push_back(item.key);
        items.clear();
    };
    for (auto& level : lane.levels) take(level);
    take(lane.alone);
    size_ -= keys.size();
    lane.size = lane.rows = 0;
    return keys;
}

std::vector<Batcher::ItemKey> Batcher::take_all() {
    std::vector<ItemKey> keys;
    for (const auto& [model, lane] : lanes_) {
        const auto some = take_all(model);
        keys.insert(keys.end(), some.begin(), some.end());
    }
    return keys;
}

std::vector<Batcher::ItemKey> Batcher::take_expired(Monotonic now) {
    std::vector<ItemKey> keys;
    const auto sweep = [&](Lane& lane, std::deque<Item>& items) {
        std::erase_if(items, [&](const Item& item) {
            if (item.deadline > now) return false;
            keys.push_back(item.key);
            count(lane, item, -1);
            return true;
        });
    };
    for (auto& [model, lane] : lanes_) {
        for (auto& level : lane.levels) sweep(lane, level);
        sweep(lane, lane.alone);
    }
    size_ -= keys.size();
    return keys;
}

const Batcher::Item* Batcher::oldest(const Lane& lane) {
    const Item* found = nullptr;
    for (const auto& level : lane.levels) // in order of arrival within a level
        if (!level.empty() && (!found || level.front().arrived < found->arrived)) found = &level.front();
    return found;
}

bool Batcher::is_due(const Lane& lane, Monotonic now, Room room) {
    if (lane.size == 0) return false;
    if (lane.rows >= lane.rule.max_batch) return true;
    if (room == Room::for_full_batches && lane.rule.max_delay.count() == 0) return false;
    return now - oldest(lane)->arrived >= lane.rule.max_delay;
}

std::deque<Batcher::Item>* Batcher::most_urgent_level(Lane& lane, Monotonic now) {
    std::deque<Item>* best = nullptr;
    for (auto& level : lane.levels)
        if (!level.empty() && (!best || aged(level.front(), now) > aged(best->front(), now))) best = &level;
    return best;
}

std::optional<Batcher::Batch> Batcher::next(Monotonic now, const std::function<Room(ModelKey)>& room_for) {
    struct {
        ModelKey model = 0;
        Lane* lane = nullptr;
        bool alone = false, idle = false;
        double urgency = -1;
    } best;
    const auto consider = [&](ModelKey model, Lane& lane, const Item& item, bool alone, bool idle) {
        if (const double urgency = aged(item, now); urgency > best.urgency) best = {model, &lane, alone, idle, urgency};
    };
    if (std::ranges::all_of(lanes_, [](const auto& each) { return each.second.alone.empty(); })) draining_since_.reset();
    for (auto& [model, lane] : lanes_) {
        if (lane.size == 0 && lane.alone.empty()) continue;
        const auto room = room_for(model);
        if (room == Room::none) continue;
        const bool idle = room == Room::idle;
        if (is_due(lane, now, room)) consider(model, lane, most_urgent_level(lane, now)->front(), false, idle);
        if (!lane.alone.empty() && (idle || may_drain(now))) consider(model, lane, lane.alone.front(), true, idle);
    }
    if (!best.lane) return std::nullopt;
    if (!best.alone) return fill(best.model, *best.lane, now);
    if (!best.idle) { // the device runs empty for it
        if (!draining_since_) draining_since_ = now;
        return std::nullopt;
    }
    draining_since_.reset();
    longest_drain_ = first_drain;
    const Item item = best.lane->alone.front();
    best.lane->alone.pop_front();
    --size_;
    Batch batch{best.model, {}, {}, true};
    (item.deadline > now ? batch.items : batch.expired).push_back(item.key);
    return batch;
}

bool Batcher::may_drain(Monotonic now) {
    if (draining_since_ && now - *draining_since_ >= longest_drain_) {
        draining_since_.reset();
        drain_again_ = now + 10 * longest_drain_;
        longest_drain_ *= 2;
    }
    return now >= drain_again_;
}

Batcher::Batch Batcher::fill(ModelKey model, Lane& lane, Monotonic now) {
    Batch batch{model, {}, {}, false};
    std::size_t files = 0, rows = 0;
    while (rows < lane.rule.max_batch) {
        auto* level = most_urgent_level(lane, now);
        if (!level) break;
        const Item& item = level->front();
        const bool expired = item.deadline <= now;
        if (!expired && rows > 0 && rows + item.rows > lane.rule.max_batch) break;
        if (item.file && !expired && ++files > frame::max_descriptors) break;
        (expired ? batch.expired : batch.items).push_back(item.key);
        if (!expired) rows += item.rows;
        count(lane, item, -1);
        level->pop_front();
        --size_;
    }
    return batch;
}

std::optional<Monotonic> Batcher::wake_at(Monotonic now) const {
    std::optional<Monotonic> at;
    for (const auto& [model, lane] : lanes_) {
        if (lane.size == 0 || lane.rows >= lane.rule.max_batch) continue;
        const auto due = oldest(lane)->arrived + lane.rule.max_delay;
        // What is due already waits for the device, not for the clock.
        if (due > now && (!at || due < *at)) at = due;
    }
    return at;
}

std::size_t Batcher::waiting(ModelKey model) const {
    const auto found = lanes_.find(model);
    return found == lanes_.end() ? 0 : found->second.size + found->second.alone.size();
}

} // namespace millrace::inference
