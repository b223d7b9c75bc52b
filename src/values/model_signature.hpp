// What a model's author signs. Pure.
#pragma once
#include "values/manifest_files.hpp"

#include <string>
#include <string_view>

namespace millrace::values {

// A line that says what this is, the SHA-256 of the model file and that of the manifest file, byte for byte, each in
// lower-case hex; so `openssl pkeyutl -sign -rawin -inkey key.pem -in TEXT` and `millrace model sign` agree. A version
// with files has another first line, and behind the others one for each file by name: its SHA-256, two blanks, its
// name, as sha256sum writes it.
inline std::string signed_text(std::string_view model_sha256, std::string_view manifest_sha256,
                               const FileRefs& files = {}) {
    std::string text = files.empty() ? "millrace-model-1\n" : "millrace-model-2\n";
    text.append(model_sha256).append("\n").append(manifest_sha256).append("\n");
    for (const auto& file : files) text.append(file.sha256).append("  ").append(file.name).append("\n");
    return text;
}

inline constexpr std::size_t max_signature_bytes = 1024; // base64 of 64 bytes, with blanks around it

} // namespace millrace::values
