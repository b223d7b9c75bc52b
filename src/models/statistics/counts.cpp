#include "models/counts.hpp"

namespace millrace::models {
namespace {

std::uint64_t number(const json::object& object, std::string_view member) {
    const auto* value = object.if_contains(member);
    if (!value) return 0;
    boost::system::error_code failure;
    const auto read = value->to_number<std::uint64_t>(failure);
    return failure ? 0 : read;
}

json::value member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value ? *value : json::value{};
}

} // namespace

void Counts::add(const Sample& sample) {
    ++predictions;
    if (sample.error) {
        ++errors;
        if (sample.refused) ++refused;
        return;
    }
    latency.add(sample.latency_ms);
    own.add(sample.own_ms);
    if (!sample.label.empty()) add_label(sample.label, 1);
}

void Counts::add(Aside aside) {
    switch (aside) {
    case Aside::bad_input: ++bad_inputs; break;
    case Aside::turned_away: ++turned_away; break;
    case Aside::cached: ++cached; break;
    }
}

void Counts::add(const Counts& other) {
    predictions += other.predictions;
    errors += other.errors;
    refused += other.refused;
    fallbacks += other.fallbacks;
    bad_inputs += other.bad_inputs;
    turned_away += other.turned_away;
    cached += other.cached;
    compared += other.compared;
    agreed += other.agreed;
    latency.add(other.latency);
    own.add(other.own);
    for (const auto& [label, n] : other.labels) add_label(label, n);
    other_labels += other.other_labels;
}

void Counts::add_label(std::string_view label, std::uint64_t n) {
    if (const auto at = labels.find(label); at != labels.end()) at->second += n;
    else if (labels.size() < most_labels) labels.emplace(label, n);
    else other_labels += n;
}

json::object Counts::to_json() const {
    json::object by_label;
    for (const auto& [label, n] : labels) by_label[label] = n;
    return {{"predictions", predictions},
            {"errors", errors},
            {"refused", refused},
            {"fallbacks", fallbacks},
            {"bad_inputs", bad_inputs},
            {"turned_away", turned_away},
            {"cached", cached},
            {"compared", compared},
            {"agreed", agreed},
            {"latency", latency.to_json()},
            {"own", own.to_json()},
            {"labels", std::move(by_label)},
            {"other_labels", other_labels}};
}

Counts Counts::from_json(const json::value& value) {
    Counts out;
    const auto* object = value.if_object();
    if (!object) return out;
    out.predictions = number(*object, "predictions");
    out.errors = number(*object, "errors");
    out.refused = number(*object, "refused");
    out.fallbacks = number(*object, "fallbacks");
    out.bad_inputs = number(*object, "bad_inputs");
    out.turned_away = number(*object, "turned_away");
    out.cached = number(*object, "cached");
    out.compared = number(*object, "compared");
    out.agreed = number(*object, "agreed");
    out.latency = Durations::from_json(member(*object, "latency"));
    out.own = Durations::from_json(member(*object, "own"));
    out.other_labels = number(*object, "other_labels");
    const auto labels = member(*object, "labels");
    if (const auto* by_label = labels.if_object())
        for (const auto& [label, n] : *by_label) out.add_label(label, number(*by_label, label));
    return out;
}

Counts& Window::at(Timestamp now) {
    const Timestamp since{now.micros - now.micros % width_.count()};
    // A clock that was set back counts on in the latest span.
    if (spans_.empty() || spans_.back().since < since) spans_.push_back({since, {}, false});
    const auto oldest = since - width_ * static_cast<int>(length_ - 1);
    while (spans_.front().since < oldest && spans_.size() > 1) spans_.pop_front();
    spans_.back().changed = true;
    return spans_.back().counts;
}

Counts Window::total(Timestamp now) const {
    const Timestamp oldest = now - width_ * static_cast<int>(length_);
    Counts all;
    for (const auto& span : spans_)
        if (span.since > oldest) all.add(span.counts);
    return all;
}

void Window::restore(Timestamp since, Counts counts) { spans_.push_back({since, std::move(counts), false}); }

} // namespace millrace::models
