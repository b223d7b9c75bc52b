// What a model's author signs. Pure.
#pragma once
#include <string>
#include <string_view>

namespace millrace::model {

// A line that says what this is, the SHA-256 of the model file and that of the manifest file, byte for byte, each in
// lower-case hex; so `openssl pkeyutl -sign -rawin -inkey key.pem -in TEXT` and `millrace model sign` agree.
inline std::string signed_text(std::string_view model_sha256, std::string_view manifest_sha256) {
    std::string text = "millrace-model-1\n";
    text.append(model_sha256).append("\n").append(manifest_sha256).append("\n");
    return text;
}

inline constexpr std::size_t max_signature_bytes = 1024; // base64 of 64 bytes, with blanks around it

} // namespace millrace::model
