// GPT-2's way to write any byte as a printable character, so that a vocabulary of texts can hold pieces of bytes.
#pragma once
#include <string>
#include <string_view>

namespace millrace::inference::worker {

void append_byte_level(std::string& text, std::string_view bytes);

} // namespace millrace::inference::worker
