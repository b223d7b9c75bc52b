#include "inference/engine/batcher.hpp"

#include "inference/frames/frame.hpp"

#include <algorithm>

namespace millrace::inference {
namespace {

double aged(const Batcher::Item& item, Monotonic now) {
    return item.priority + std::chrono::duration<double>(now - item.arrived).count();
}

} // namespace

void Batcher::add_model(ModelKey model, BatchRule rule) {
    rule.max_batch = std::clamp<std::size_t>(rule.max_batch, 1, frame::max_items);
    rule.weight = std::clamp(rule.weight, 0.01, 100.0);
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
    enter(lane, item);
    line(lane, item).push_back(item);
}

void Batcher::put_back(ModelKey model, Item item) {
    auto& lane = lanes_.at(model);
    item.priority = std::clamp(item.priority, 0, 9);
    enter(lane, item);
    line(lane, item).push_front(item);
}

void Batcher::enter(Lane& lane, const Item& item) {
    if (lane.size == 0 && lane.alone.empty()) lane.turn = std::max(lane.turn, clock_);
    lane.used = std::max(lane.used, item.arrived);
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

bool Batcher::has_waited(const Lane& lane, Monotonic now) { return now - oldest(lane)->arrived >= lane.rule.max_delay; }

// A model whose pass takes long gives others their turn the sooner. Those that were at work a moment ago will be again.
std::size_t Batcher::most_rows(const Lane& lane, Monotonic now) const {
    constexpr std::chrono::milliseconds lately{500};
    const auto shares = [&](const auto& each) {
        return &each.second != &lane &&
               (each.second.size > 0 || !each.second.alone.empty() || now - each.second.used < lately);
    };
    if (lane.row_ms <= 0 || std::ranges::none_of(lanes_, shares)) return lane.rule.max_batch;
    const auto rows = std::min(longest_shared_pass_ms / lane.row_ms, static_cast<double>(lane.rule.max_batch));
    return std::max<std::size_t>(1, static_cast<std::size_t>(rows));
}

std::deque<Batcher::Item>* Batcher::most_urgent_level(Lane& lane, Monotonic now) {
    std::deque<Item>* best = nullptr;
    for (auto& level : lane.levels)
        if (!level.empty() && (!best || aged(level.front(), now) > aged(best->front(), now))) best = &level;
    return best;
}

// What a lane would have next on a device with that room; nullopt: nothing, and it waits for no place.
std::optional<Batcher::Choice> Batcher::choice_of(ModelKey model, Lane& lane, Monotonic now, const Offer& offer) {
    const auto room = offer.room;
    if (room == Room::none) return std::nullopt;
    const bool idle = room == Room::idle, place = idle || room == Room::free;
    const bool full = lane.rows >= most_rows(lane, now), waited = lane.size > 0 && has_waited(lane, now);
    std::optional<Choice> choice;
    if (offer.batches && lane.size > 0 && (full || waited)) {
        const bool ahead = full || lane.rule.max_delay.count() > 0; // may be prepared behind what runs
        const bool sendable = place || (room != Room::crowded && ahead);
        if (sendable || room != Room::behind_its_own)
            choice = Choice{model, &lane, false, idle, sendable, aged(most_urgent_level(lane, now)->front(), now)};
    }
    if (!offer.alone || lane.alone.empty() || !(idle || may_drain(now))) return choice;
    const double urgency = aged(lane.alone.front(), now);
    if (!choice || urgency > choice->urgency) choice = Choice{model, &lane, true, idle, idle, urgency};
    return choice;
}

std::optional<Batcher::Batch> Batcher::next(Monotonic now, const std::function<Offer(ModelKey)>& offer_for) {
    if (std::ranges::all_of(lanes_, [](const auto& each) { return each.second.alone.empty(); }))
        draining_since_.reset();
    std::optional<Choice> best;
    for (auto& [model, lane] : lanes_) {
        if (lane.size == 0 && lane.alone.empty()) continue;
        const auto choice = choice_of(model, lane, now, offer_for(model));
        if (choice && (!best || lane.turn < best->lane->turn ||
                       (lane.turn == best->lane->turn && choice->urgency > best->urgency)))
            best = choice;
    }
    if (!best) return std::nullopt;
    if (best->sendable) return send(*best, now);
    if (best->alone && !draining_since_) draining_since_ = now; // the device runs empty for it
    return std::nullopt;
}

Batcher::Batch Batcher::send(const Choice& choice, Monotonic now) {
    auto& lane = *choice.lane;
    clock_ = std::max(clock_, lane.turn);
    lane.used = now;
    Batch batch{choice.model, {}, {}, choice.alone, 0};
    std::size_t rows = 0;
    if (choice.alone) {
        const Item item = lane.alone.front();
        lane.alone.pop_front();
        --size_;
        (item.deadline > now ? batch.items : batch.expired).push_back(item.key);
        rows = item.rows;
        draining_since_.reset();
        longest_drain_ = first_drain;
    } else {
        rows = fill(batch, lane, now);
    }
    if (batch.items.empty()) return batch;
    constexpr double unknown = 1; // virtual milliseconds, until the first is measured
    batch.charged = (lane.row_cost > 0 ? lane.row_cost * static_cast<double>(rows) : unknown) / lane.rule.weight;
    lane.turn = std::max(lane.turn, clock_) + batch.charged;
    return batch;
}

void Batcher::settle(ModelKey model, double charged, const Cost& cost) {
    auto& lane = lanes_.at(model);
    lane.turn = std::max(0.0, lane.turn + cost.ms * cost.share / lane.rule.weight - charged);
    if (cost.rows == 0 || cost.ms <= 0) return;
    const auto learn = [](double& average, double value) {
        average = average > 0 ? 0.7 * average + 0.3 * value : value;
    };
    learn(lane.row_ms, cost.ms / static_cast<double>(cost.rows));
    learn(lane.row_cost, cost.ms * cost.share / static_cast<double>(cost.rows));
}

bool Batcher::may_drain(Monotonic now) {
    if (draining_since_ && now - *draining_since_ >= longest_drain_) {
        draining_since_.reset();
        drain_again_ = now + 10 * longest_drain_;
        longest_drain_ *= 2;
    }
    return now >= drain_again_;
}

// Its rows.
std::size_t Batcher::fill(Batch& batch, Lane& lane, Monotonic now) {
    const auto most = most_rows(lane, now);
    std::size_t files = 0, rows = 0;
    while (rows < most) {
        auto* level = most_urgent_level(lane, now);
        if (!level) break;
        const Item& item = level->front();
        const bool expired = item.deadline <= now;
        if (!expired && rows > 0 && rows + item.rows > most) break;
        if (item.file && !expired && ++files > frame::max_descriptors) break;
        (expired ? batch.expired : batch.items).push_back(item.key);
        if (!expired) rows += item.rows;
        count(lane, item, -1);
        level->pop_front();
        --size_;
    }
    return rows;
}

std::optional<Monotonic> Batcher::wake_at(Monotonic now) const {
    std::optional<Monotonic> at;
    for (const auto& [model, lane] : lanes_) {
        if (lane.size == 0 || lane.rows >= most_rows(lane, now)) continue;
        const auto due = oldest(lane)->arrived + lane.rule.max_delay;
        // What is due already waits for the device, not for the clock.
        if (due > now && (!at || due < *at)) at = due;
    }
    return at;
}

std::size_t Batcher::waiting_alone(ModelKey model) const {
    const auto found = lanes_.find(model);
    return found == lanes_.end() ? 0 : found->second.alone.size();
}

std::size_t Batcher::waiting(ModelKey model) const {
    const auto found = lanes_.find(model);
    return found == lanes_.end() ? 0 : found->second.size + found->second.alone.size();
}

} // namespace millrace::inference
