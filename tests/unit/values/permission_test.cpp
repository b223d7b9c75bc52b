#include "values/permission.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace millrace::values;

TEST_CASE("each permission is a resource and a verb, and each name is there once") {
    std::set<std::string_view> names;
    for (const auto& rule : permission_rules) {
        INFO(rule.name);
        const auto colon = rule.name.find(':');
        CHECK(colon != rule.name.npos);
        CHECK(rule.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_:") == rule.name.npos);
        CHECK(names.insert(rule.name).second);
    }
}

TEST_CASE("a role has what the roles before it have") {
    Principal who;
    const auto may = [&](Permission permission) { return who.may(least_role(permission)); };
    who.role = Role::viewer;
    CHECK(may(Permission::jobs_read));
    CHECK_FALSE(may(Permission::jobs_submit));
    who.role = Role::submitter;
    CHECK(may(Permission::jobs_submit));
    CHECK_FALSE(may(Permission::queues_manage));
    who.role = Role::operator_;
    CHECK_FALSE(may(Permission::keys_manage));
    who.role = Role::admin;
    for (const auto& rule : permission_rules) CHECK(may(rule.permission));
}
