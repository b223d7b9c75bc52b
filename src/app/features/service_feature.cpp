#include "app/features/service_feature.hpp"

#include "api/service/event_routes.hpp"
#include "api/service/service_routes.hpp"
#include "api/service/ui_routes.hpp"
#include "base/version.hpp"
#include "events/event_log.hpp"
#include "values/principal.hpp"

namespace millrace::app {

ServiceFeature::ServiceFeature(Foundations& base, ModelFeature& models, QueueFeature& queue)
    : base_{base},
      models_{models},
      started_at_{base.clock->now()},
      status_{info(), queue.dispatcher(), models.engine(), *base.database, *base.clock},
      damaged_{!base.database->stats().damage.empty()} {
    if (damaged_) write_accepted_damage(base.database->stats().damage);
}

api::ServiceInfo ServiceFeature::info() {
    return {std::string{version()}, started_at_, base_.config.data, [this] { return base_.readiness(); }};
}

void ServiceFeature::add_routes(http::Router& router) {
    api::add_service_routes(router, status_, info(), models_.engine(), *base_.metrics);
    api::add_event_routes(router, *base_.database);
    api::add_ui_routes(router);
}

void ServiceFeature::report(api::Readiness& readiness) const {
    if (auto failure = base_.database->failure()) readiness.reasons.push_back("the store has stopped: " + *failure);
    if (auto why = base_.database->unreachable())
        readiness.reasons.push_back("the database cannot be reached: " + *why);
    if (damaged_)
        readiness.degraded.push_back("the database had lost acknowledged work when it was opened, and that was "
                                     "accepted; unset store.accept_damage");
}

// Of the default organisation: it is the administrator's.
void ServiceFeature::write_accepted_damage(const std::string& what) {
    events::post_event(*base_.database, values::default_organization, "database.damage_accepted", "millrace.db",
                       {{"what", what}}, base_.clock->now());
}

} // namespace millrace::app
