#include "telemetry/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <variant>

namespace millrace::telemetry {
namespace {

using Instrument =
    std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>, std::function<double()>>;

struct Series {
    std::string labels; // rendered without braces: a="b",c="d"
    Instrument instrument;
    std::string owner; // the organisation; empty: nobody's
};

struct Family {
    std::string help;
    const char* type = "untyped";
    std::map<Labels, Series> series;
};

std::string escaped(const std::string& text, bool quotes) {
    std::string out;
    for (const char c : text) {
        if (c == '\\') out += "\\\\";
        else if (c == '\n') out += "\\n";
        else if (c == '"' && quotes) out += "\\\"";
        else out += c;
    }
    return out;
}

constexpr const char* owner_label = "organization";

std::string owner_of(const Labels& labels) {
    const auto at = labels.find(owner_label);
    return at == labels.end() ? "" : at->second;
}

std::string rendered(const Labels& labels) {
    std::string out;
    for (const auto& [name, value] : labels) {
        if (name == owner_label) continue;
        if (!out.empty()) out += ',';
        out += name + "=\"" + escaped(value, true) + '"';
    }
    return out;
}

std::string braced(const std::string& labels) { return labels.empty() ? "" : '{' + labels + '}'; }

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    return fmt::format("{}", value);
}

void append(std::string& out, const std::string& name, const std::string& labels, const Histogram& histogram) {
    const auto& bounds = Histogram::bounds();
    const std::string first = labels.empty() ? "" : labels + ',';
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i <= bounds.size(); ++i) {
        cumulative += histogram.bucket(i);
        const std::string bound = i < bounds.size() ? number(bounds[i]) : "+Inf";
        fmt::format_to(std::back_inserter(out), "{}_bucket{{{}le=\"{}\"}} {}\n", name, first, bound, cumulative);
    }
    // The count is the last cumulative bucket, so that the two agree even while others observe.
    fmt::format_to(std::back_inserter(out), "{}_sum{} {}\n{}_count{} {}\n", name, braced(labels),
                   number(histogram.sum()), name, braced(labels), cumulative);
}

void append(std::string& out, const std::string& name, const Series& series) {
    const auto line = [&](const std::string& value) { out += name + braced(series.labels) + ' ' + value + '\n'; };
    if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&series.instrument))
        line(fmt::format("{}", (*counter)->value()));
    else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&series.instrument))
        line(fmt::format("{}", (*gauge)->value()));
    else if (const auto* histogram = std::get_if<std::unique_ptr<Histogram>>(&series.instrument))
        append(out, name, series.labels, **histogram);
    else line(number(std::get<std::function<double()>>(series.instrument)()));
}

} // namespace

const std::vector<double>& Histogram::bounds() {
    static const std::vector<double> seconds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                             0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60};
    return seconds;
}

void Histogram::observe(double seconds) {
    if (!(seconds >= 0)) seconds = 0; // a clock that went back, or NaN
    const auto& limits = bounds();
    const auto at = std::lower_bound(limits.begin(), limits.end(), seconds) - limits.begin();
    buckets_[at].fetch_add(1, std::memory_order_relaxed);
    sum_nanos_.fetch_add(static_cast<std::uint64_t>(std::min(seconds, 1e9) * 1e9), std::memory_order_relaxed);
}

struct Metrics::State {
    mutable std::mutex mutex;
    std::map<std::string, Family> families;

    template <class T>
    T& get(const std::string& name, const std::string& help, const char* type, const Labels& labels) {
        const std::lock_guard lock{mutex};
        auto& series = place(name, help, type, labels);
        if (auto* held = std::get_if<std::unique_ptr<T>>(&series.instrument); held && *held) return **held;
        auto made = std::make_unique<T>();
        T& instrument = *made;
        series.instrument = std::move(made);
        return instrument;
    }

    // A name has one type: anything else is a mistake of the program that a scraper would have to swallow.
    Series& place(const std::string& name, const std::string& help, const char* type, const Labels& labels) {
        auto [family, fresh] = families.try_emplace(name, Family{help, type, {}});
        if (!fresh && std::string_view{family->second.type} != type)
            throw std::logic_error{"metric " + name + " has two types"};
        return family->second.series
            .try_emplace(labels, Series{rendered(labels), std::unique_ptr<Counter>{}, owner_of(labels)})
            .first->second;
    }
};

Metrics::Metrics() : state_{std::make_unique<State>()} {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
    return state_->get<Counter>(name, help, "counter", labels);
}

Gauge& Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
    return state_->get<Gauge>(name, help, "gauge", labels);
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help, const Labels& labels) {
    return state_->get<Histogram>(name, help, "histogram", labels);
}

void Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels,
                    std::function<double()> read) {
    const std::lock_guard lock{state_->mutex};
    state_->place(name, help, "gauge", labels).instrument = std::move(read);
}

std::string Metrics::render(const std::string& organization) const {
    const std::lock_guard lock{state_->mutex};
    std::string out;
    for (const auto& [name, family] : state_->families) {
        bool opened = false;
        for (const auto& [labels, series] : family.series) {
            if (!series.owner.empty() && series.owner != organization) continue;
            if (!std::exchange(opened, true))
                out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, escaped(family.help, false), family.type);
            append(out, name, series);
        }
    }
    return out;
}

} // namespace millrace::telemetry
