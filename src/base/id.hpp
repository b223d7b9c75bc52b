// 128-bit identifiers as UUIDv7 (RFC 9562, section 5.7): time-ordered, so that rows are appended at one
// edge of a B-tree, and 74 random bits, so that they cannot be guessed.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    // Later calls of one thread give larger values, so a burst of more than 4,096 a millisecond runs ahead of the clock
    // for as long. Thread-safe.
    static Uuid make();
    // Canonical form of 36 characters only (any version); nullopt otherwise.
    static std::optional<Uuid> parse(std::string_view text);

    std::string text() const;
    void write_text(char* out) const; // the same 36 characters, without a terminator
    bool is_nil() const { return *this == Uuid{}; }
    auto operator<=>(const Uuid&) const = default;
};

// An id that cannot be mistaken for another kind's: Id<struct JobTag>.
template <class Tag>
struct Id {
    Uuid value;

    static Id make() { return {Uuid::make()}; }
    static std::optional<Id> parse(std::string_view text) {
        auto uuid = Uuid::parse(text);
        return uuid ? std::optional<Id>{Id{*uuid}} : std::nullopt;
    }
    std::string text() const { return value.text(); }
    bool is_nil() const { return value.is_nil(); }
    auto operator<=>(const Id&) const = default;
};

using JobId = Id<struct JobTag>;
using OrganizationId = Id<struct OrganizationTag>;
using KeyId = Id<struct KeyTag>;
using ActorId = Id<struct ActorTag>; // who acts or owns: a key today, by its id; later a user or a client
using FlowId = Id<struct FlowTag>;
using ScheduleId = Id<struct ScheduleTag>;

} // namespace millrace

template <>
struct std::hash<millrace::Uuid> {
    std::size_t operator()(const millrace::Uuid& id) const noexcept;
};
template <class Tag>
struct std::hash<millrace::Id<Tag>> {
    std::size_t operator()(const millrace::Id<Tag>& id) const noexcept { return std::hash<millrace::Uuid>{}(id.value); }
};
