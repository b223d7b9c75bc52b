// Counters, gauges and histograms, rendered in the Prometheus text format 0.0.4. Instruments live as long as
// the registry and are updated without a lock; creating the same name and labels twice gives the same one.
// A label `organization` says whose a series is: what names something of an organisation (a model, a queue) has it, and
// is rendered to that organisation alone, without the label.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::telemetry {

class Counter {
public:
    void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

class Gauge {
public:
    void set(std::int64_t v) { value_.store(v, std::memory_order_relaxed); }
    void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
    std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> value_{0};
};

// Durations in seconds over fixed buckets from 100 µs to 60 s.
class Histogram {
public:
    void observe(double seconds);
    static const std::vector<double>& bounds();
    std::uint64_t bucket(std::size_t i) const {
        return buckets_[i].load(std::memory_order_relaxed);
    } // not cumulative; the last is +Inf
    double sum() const { return static_cast<double>(sum_nanos_.load(std::memory_order_relaxed)) / 1e9; }

private:
    static constexpr std::size_t bucket_count = 19; // bounds().size() + 1
    std::atomic<std::uint64_t> buckets_[bucket_count]{};
    std::atomic<std::uint64_t> sum_nanos_{0};
};

using Labels = std::map<std::string, std::string>;

class Metrics {
public:
    Metrics();
    ~Metrics();
    Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
    Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
    Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {});
    // A gauge whose value is asked for at each scrape; `read` must be thread-safe and quick.
    void gauge(const std::string& name, const std::string& help, const Labels& labels, std::function<double()> read);

    // text/plain; version=0.0.4. What belongs to no organisation, and what is of this one.
    std::string render(const std::string& organization = {}) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace millrace::telemetry
