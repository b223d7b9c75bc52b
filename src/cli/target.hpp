// The target of a request: a path, and a query of what was given.
#pragma once
#include "cli/client.hpp"

#include <string>
#include <string_view>

namespace millrace::cli {

class Target {
public:
    explicit Target(std::string path) : text_{std::move(path)} {}

    // Nothing is added for an empty value.
    Target& with(std::string_view name, const std::string& value) {
        if (value.empty()) return *this;
        text_ += text_.find('?') == std::string::npos ? '?' : '&';
        text_.append(name).append("=").append(encoded(value));
        return *this;
    }
    Target& with(std::string_view name, std::int64_t value) { return with(name, std::to_string(value)); }
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

} // namespace millrace::cli
