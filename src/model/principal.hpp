// Who is asking. Built by the identity room for each request, carried by value.
#pragma once
#include "base/id.hpp"

#include <string>

namespace millrace::model {

// Each role may do what the roles before it may.
enum class Role { viewer, submitter, operator_, admin };

struct Principal {
    OrganizationId organization;
    KeyId key;          // nil on the admin socket
    std::string name;   // the key's name, or "uid:1000" on the admin socket
    Role role = Role::viewer;

    bool may(Role needed) const { return role >= needed; }
};

// The one organisation that exists at first; created by the first migration.
inline const OrganizationId default_organization = *OrganizationId::parse("00000000-0000-7000-8000-000000000001");

} // namespace millrace::model
