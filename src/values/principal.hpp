// Who is asking. Built by the identity room for each request, carried by value.
#pragma once
#include "base/id.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::values {

// Each role may do what the roles before it may.
enum class Role { viewer, submitter, operator_, admin };

inline constexpr std::array<std::string_view, 4> role_names{"viewer", "submitter", "operator", "admin"};
constexpr std::string_view name(Role role) { return role_names[static_cast<std::size_t>(role)]; }
constexpr std::optional<Role> role(std::string_view name) {
    for (std::size_t i = 0; i < role_names.size(); ++i)
        if (role_names[i] == name) return static_cast<Role>(i);
    return std::nullopt;
}

struct Principal {
    OrganizationId organization;
    ActorId actor;    // nil on the admin socket
    std::string name; // the key's name, or "uid:1000" on the admin socket
    Role role = Role::viewer;
    int key_weight = 1, organization_weight = 1; // shares of the queue: more jobs begin for the heavier while both wait

    bool may(Role needed) const { return role >= needed; }
};

// The one organisation that exists at first; created by the first migration.
inline const OrganizationId default_organization = *OrganizationId::parse("00000000-0000-7000-8000-000000000001");

} // namespace millrace::values
