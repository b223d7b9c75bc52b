// How far an event stream was sent: the id of its events, which a client sends back as Last-Event-ID. It is the number
// of the last stored event, the epoch of the log and a position in it, "1234-9f3c2a1b-5678"; or a number alone, which
// says how far the stored events were read, and nothing of the rest. Plain values.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::events {

struct LivePlace {
    std::int64_t number = 0;
    std::string epoch; // empty: a number alone
    std::uint64_t position = 0;

    std::string text() const;
    static std::optional<LivePlace> parse(std::string_view text);
};

} // namespace millrace::events
