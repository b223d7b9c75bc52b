// A model made of models: its manifest (task "chain") names steps, each of them a version of another model of the same
// organisation. The first step takes the request's input. A later one takes outputs of earlier steps as its inputs, or
// the request's picture cropped to each box that the first step, a detector, has found. Pure values; the JSON form is
// described in docs/models.md.
#pragma once
#include "base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace millrace::values {

struct Manifest;

inline constexpr std::size_t max_steps = 16;

// The step takes the request's picture, cropped to the boxes of an earlier step, the best scores first.
struct Crop {
    std::size_t of = 0; // the step that finds the boxes: the first
    int most = 16;      // crops of one picture
    double margin = 0;  // added on each side, as part of the box's width and height
};

// An input of a step, and the output of an earlier step that it is.
struct StepInput {
    std::string input;
    std::size_t step = 0;
    std::string output;
};

struct Step {
    std::string name, model;
    int version = 0; // 0: the version in production at the push, which then stands here
    std::vector<StepInput> inputs;
    std::optional<Crop> crop;
};

// `step "kind" (ship_kinds/1)`: how errors name it.
std::string title(const Step& step);

// Whether the chain ends with an answer for each crop.
bool crops(const Manifest& chain);

// What the steps' models have to be to each other, as far as their manifests fix it; `steps` are the manifests in the
// order of the chain's steps. Then `chain` gets what a caller sees of it: the first step's inputs, the last one's
// outputs, labels and postprocessing, and limits that every step keeps. unprocessable, with the step.
Result<void> join_steps(Manifest& chain, const std::vector<const Manifest*>& steps);

} // namespace millrace::values
