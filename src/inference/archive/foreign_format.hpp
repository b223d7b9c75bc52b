// Tells apart what people push instead of a model that can be served, so that the refusal says what to do. Pure; looks
// at a few bytes only.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace millrace::inference {

// What the file is and how to make a model of it; nullopt when it is none of the forms that are known here.
std::optional<std::string_view> foreign_format(std::span<const std::byte> bytes);

} // namespace millrace::inference
