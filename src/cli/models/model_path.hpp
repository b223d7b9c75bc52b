// Where a model and its versions are in the API.
#pragma once
#include "cli/client.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

namespace millrace::cli {

inline std::string model_path(const std::string& name, std::string_view rest = "") {
    return fmt::format("/api/v1/models/{}{}", encoded(name), rest);
}

// As a person writes it: "digits" or "digits/2".
struct VersionName {
    std::string model;
    std::optional<std::string> version;
};

inline VersionName version_name(const std::string& text) {
    const auto slash = text.find('/');
    if (slash == std::string::npos) return {text, std::nullopt};
    return {text.substr(0, slash), text.substr(slash + 1)};
}

inline std::string version_path(const std::string& name, const std::string& version, std::string_view rest = "") {
    return model_path(name, fmt::format("/versions/{}{}", encoded(version), rest));
}

} // namespace millrace::cli
