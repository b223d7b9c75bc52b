// How long many things took, in buckets that grow by a fifth, from 10 µs to a minute and a half: small, mergeable, and
// good for percentiles to about a tenth.
#pragma once
#include "base/json.hpp"

#include <array>
#include <cstdint>

namespace millrace::models {

class Durations {
public:
    void add(double ms);
    void add(const Durations& other);

    std::uint64_t count() const { return count_; }
    double mean_ms() const { return count_ == 0 ? 0 : sum_ms_ / static_cast<double>(count_); }
    double percentile_ms(double percent) const; // 0 when there are none
    double count_above(double ms) const;        // how many took longer; of the bucket that `ms` lies in, a part

    // {"sum_ms":12.5,"buckets":[[17,4],[18,2]]}: number of the bucket, and how many.
    json::object to_json() const;
    static Durations from_json(const json::value& value); // what is not understood counts as nothing

private:
    static constexpr std::size_t buckets = 94;
    std::array<std::uint32_t, buckets> counts_{};
    std::uint64_t count_ = 0;
    double sum_ms_ = 0;
};

} // namespace millrace::models
