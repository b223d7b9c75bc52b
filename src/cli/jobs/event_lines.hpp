// Reads server-sent events (HTML standard, 9.2.6) out of an answer that comes in pieces. Pure.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace millrace::cli {

class EventLines {
public:
    // `take` gets each event's name and data, and never an empty name.
    using Take = std::function<void(std::string_view name, std::string_view data)>;
    explicit EventLines(Take take) : take_{std::move(take)} {}

    void add(std::span<const char> piece);

private:
    void line(std::string_view text);

    Take take_;
    std::string rest_, name_, data_;
};

} // namespace millrace::cli
