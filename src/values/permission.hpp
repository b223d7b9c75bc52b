// What may be done with what: each route asks for one of these, and each role has them from a certain one upwards. The
// table is the only place that says who may do what.
#pragma once
#include "values/principal.hpp"

#include <array>
#include <string_view>

namespace millrace::values {

enum class Permission {
    blobs_manage,
    blobs_read,
    blobs_write,
    dead_letters_manage,
    dead_letters_read,
    events_read,
    feedback_send,
    flows_read,
    flows_submit,
    jobs_change,
    jobs_read,
    jobs_submit,
    keys_manage,
    leases_work,
    models_manage,
    models_read,
    predictions_run,
    queues_manage,
    queues_read,
    schedules_manage,
    schedules_read,
    service_read,
    session_read,
};

struct PermissionRule {
    Permission permission;
    std::string_view name; // resource:verb
    Role role;             // the least that has it
};

inline constexpr std::array permission_rules{
    PermissionRule{Permission::blobs_manage, "blobs:manage", Role::operator_},
    PermissionRule{Permission::blobs_read, "blobs:read", Role::viewer},
    PermissionRule{Permission::blobs_write, "blobs:write", Role::submitter},
    PermissionRule{Permission::dead_letters_manage, "dead_letters:manage", Role::operator_},
    PermissionRule{Permission::dead_letters_read, "dead_letters:read", Role::viewer},
    PermissionRule{Permission::events_read, "events:read", Role::operator_},
    PermissionRule{Permission::feedback_send, "feedback:send", Role::submitter},
    PermissionRule{Permission::flows_read, "flows:read", Role::viewer},
    PermissionRule{Permission::flows_submit, "flows:submit", Role::submitter},
    PermissionRule{Permission::jobs_change, "jobs:change", Role::submitter},
    PermissionRule{Permission::jobs_read, "jobs:read", Role::viewer},
    PermissionRule{Permission::jobs_submit, "jobs:submit", Role::submitter},
    PermissionRule{Permission::keys_manage, "keys:manage", Role::admin},
    PermissionRule{Permission::leases_work, "leases:work", Role::submitter},
    PermissionRule{Permission::models_manage, "models:manage", Role::operator_},
    PermissionRule{Permission::models_read, "models:read", Role::viewer},
    PermissionRule{Permission::predictions_run, "predictions:run", Role::submitter},
    PermissionRule{Permission::queues_manage, "queues:manage", Role::operator_},
    PermissionRule{Permission::queues_read, "queues:read", Role::viewer},
    PermissionRule{Permission::schedules_manage, "schedules:manage", Role::operator_},
    PermissionRule{Permission::schedules_read, "schedules:read", Role::viewer},
    PermissionRule{Permission::service_read, "service:read", Role::viewer},
    PermissionRule{Permission::session_read, "session:read", Role::viewer},
};

// A permission that the table leaves out, or has in another place than the enumeration, does not compile.
static_assert([] {
    for (std::size_t i = 0; i < permission_rules.size(); ++i)
        if (permission_rules[i].permission != static_cast<Permission>(i)) return false;
    return permission_rules.back().permission == Permission::session_read;
}());

constexpr std::string_view name(Permission permission) {
    return permission_rules[static_cast<std::size_t>(permission)].name;
}
constexpr Role least_role(Permission permission) { return permission_rules[static_cast<std::size_t>(permission)].role; }

} // namespace millrace::values
