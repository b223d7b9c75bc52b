// Names an input by its content: equal inputs of one form have equal names. SHA-256 of everything that a worker is
// given, so it costs as much as reading the input; of a file that is a blob the digest is known.
#pragma once
#include "inference/prediction.hpp"

#include <string>
#include <vector>

namespace millrace::inference {

// Hex. A file that cannot be read is named by its size alone.
std::string digest_of(const Input& input);

// The parts of a picture that are asked about, as text; empty for the whole.
std::string text_of(const std::vector<Region>& regions);

} // namespace millrace::inference
