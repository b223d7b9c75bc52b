// What a model version did in some span of time, and the moving window of such spans. Pure; not thread-safe.
#pragma once
#include "base/clock.hpp"
#include "base/json.hpp"
#include "models/statistics/durations.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace millrace::models {

// One prediction that has ended, as it is counted.
struct Sample {
    bool error = false;       // the version's own fault
    double latency_ms = 0;    // from the call to the answer
    double own_ms = 0;        // decoding, the forward pass, writing the result: without waiting
    std::string_view label{}; // empty: it gives none
    bool refused = false;     // an error: the version was not even asked
};

// What came to a version and is no prediction of its own.
enum class Aside {
    bad_input,   // the input was wrong
    turned_away, // there was no room or no runtime, whichever version was asked
    cached,      // the cache knew the answer
};

struct Counts {
    static constexpr std::size_t most_labels = 100; // further ones are counted together

    std::uint64_t predictions = 0; // errors included
    std::uint64_t errors = 0;
    std::uint64_t refused = 0;   // of the errors: its breaker was open, or it could not be used
    std::uint64_t fallbacks = 0; // answered by the fallback instead, errors and refused ones
    std::uint64_t bad_inputs = 0, turned_away = 0, cached = 0; // beside the predictions, see Aside
    std::uint64_t compared = 0, agreed = 0;                    // as the shadow, with what was answered
    Durations latency, own;                                    // of those without an error
    std::map<std::string, std::uint64_t, std::less<>> labels;
    std::uint64_t other_labels = 0;

    void add(const Sample& sample);
    void add(Aside aside);
    void add(const Counts& other);
    double error_rate() const {
        return predictions == 0 ? 0 : static_cast<double>(errors) / static_cast<double>(predictions);
    }

    json::object to_json() const;
    static Counts from_json(const json::value& value); // what is not understood counts as nothing

private:
    void add_label(std::string_view label, std::uint64_t n);
};

// The counts of the last `length` spans of `width` each.
class Window {
public:
    struct Span {
        Timestamp since;
        Counts counts;
        bool changed = false; // since it was last stored
    };

    Window(std::chrono::microseconds width, std::size_t length) : width_{width}, length_{length} {}

    Counts& at(Timestamp now); // the present span's, to be counted in; what is too old is dropped
    Counts total(Timestamp now) const;
    void restore(Timestamp since, Counts counts); // in the order of time, before the first at()
    std::deque<Span>& spans() { return spans_; }
    const std::deque<Span>& spans() const { return spans_; }

private:
    std::chrono::microseconds width_;
    std::size_t length_;
    std::deque<Span> spans_; // by time
};

} // namespace millrace::models
