#include "app/features/identity_feature.hpp"

#include "api/identity/identity_routes.hpp"

namespace millrace::app {

void IdentityFeature::add_routes(http::Router& router) { api::add_identity_routes(router, identity_); }

} // namespace millrace::app
