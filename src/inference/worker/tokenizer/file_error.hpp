// What is wrong with a tokenizer's file, or what in it is not supported. Thrown while it is read; open_tokenizer
// catches it.
#pragma once
#include <stdexcept>

namespace millrace::inference::worker {

struct FileError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace millrace::inference::worker
