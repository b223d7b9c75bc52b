#include "app/features/blob_feature.hpp"

#include "api/blobs/blob_routes.hpp"
#include "events/event_log.hpp"

namespace millrace::app {

using namespace std::chrono_literals;

BlobFeature::BlobFeature(Foundations& base)
    : base_{base},
      catalog_{*base.database, *base.clock},
      sweeper_{*base.database, *base.blobs, *base.files, *base.clock, *base.log, *base.metrics} {
    base.upkeep->add({"blobs", 10s, [this] { return sweeper_.piece(); }});
    tell_of_damage();
}

void BlobFeature::add_routes(http::Router& router) {
    api::add_blob_routes(router, *base_.blobs, catalog_, sweeper_, base_.config.http.max_body_bytes);
}

Result<void> BlobFeature::load() {
    if (base_.keeps_strays())
        base_.log->warning("files that no row names are kept; remove damage.accepted when they are not wanted any more",
                           {{"folder", base_.config.data.string()}});
    else sweeper_.look_through(std::filesystem::file_time_type::clock::now());
    return success();
}

void BlobFeature::tell_of_damage() {
    base_.blobs->on_damage([this](const std::string& sha256) {
        events::post_events(*base_.database, [sha256, at = base_.clock->now()](store::SystemSession& session) {
            for (const auto& owner : catalog::owners_of(session, sha256))
                events::write_event(session, owner, "blob.damaged", sha256, {}, at);
        });
    });
}

} // namespace millrace::app
