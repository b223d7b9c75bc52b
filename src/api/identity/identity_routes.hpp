// /api/v1/auth and /api/v1/keys.
#pragma once
#include "http/router.hpp"
#include "identity/identity.hpp"

namespace millrace::api {

void add_identity_routes(http::Router& router, identity::Identity& identity); // borrowed

} // namespace millrace::api
