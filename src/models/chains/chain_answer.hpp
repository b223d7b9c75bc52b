// The answer of a chain: the last step's, or the detector's with the answers to its crops beside the boxes, and what
// each step has taken. Pure.
#pragma once
#include "inference/prediction.hpp"
#include "values/chain.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace millrace::models {

// What an answer says of its input, without who has made it and how long that took.
json::object without_times(const json::object& result);

class ChainAnswer {
public:
    explicit ChainAnswer(const inference::ModelVersion& chain) : chain_{chain} {} // borrowed

    // A step has answered; `crops`: of how many crops. Several requests of one step ran beside each other: their
    // longest times count.
    void add(const values::Step& step, std::span<const inference::Prediction> predictions,
             std::optional<std::size_t> crops = {});
    // `last` as the chain's answer: its result is what the steps have found, and gets the chain's name and times.
    inference::Prediction finish(inference::Prediction last) &&;

private:
    const inference::ModelVersion& chain_;
    json::array steps_;
    double queue_ms_ = 0, decode_ms_ = 0, infer_ms_ = 0, encode_ms_ = 0;
    std::uint64_t tokens_ = 0;
    int batch_size_ = 0; // of the last step that ran
    bool cached_ = true; // every step
};

} // namespace millrace::models
