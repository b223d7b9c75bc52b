// The parts of a tokenizer.json, each in a file of its own (tokenizer_json_normalizer.cpp …). FileError. For these
// files alone.
#pragma once
#include "inference/worker/tokenizer/json_part.hpp"
#include "inference/worker/tokenizer/token_pipeline.hpp"

#include <memory>

namespace millrace::inference::worker {

inline constexpr int deepest_sequence = 8;          // of steps within steps
inline constexpr std::size_t longest_content = 256; // bytes that a step may put in for one place of a text

void read_normalizer(const JsonPart& part, Normalizer& normalizer, int depth); // appended
void read_splitting(const JsonPart& part, Splitting& splitting, int depth);    // appended
std::unique_ptr<const TokenModel> read_model(const JsonPart& part);
void read_template(const JsonPart& part, TokenParts& parts);
Pattern read_pattern(const JsonPart& part); // {"String": …} or {"Regex": …} in "pattern"

} // namespace millrace::inference::worker
