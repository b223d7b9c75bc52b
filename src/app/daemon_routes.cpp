// Every route of the daemon, by feature.
#include "app/daemon.hpp"

#include "api/blobs/blob_routes.hpp"
#include "api/flows/flow_routes.hpp"
#include "api/identity/identity_routes.hpp"
#include "api/jobs/job_routes.hpp"
#include "api/jobs/result_routes.hpp"
#include "api/leases/lease_routes.hpp"
#include "api/models/feedback_routes.hpp"
#include "api/models/model_engine_routes.hpp"
#include "api/models/model_routes.hpp"
#include "api/models/traffic_routes.hpp"
#include "api/openai/openai_routes.hpp"
#include "api/predict/predict_routes.hpp"
#include "api/protocol/protocol_routes.hpp"
#include "api/queues/dead_letter_routes.hpp"
#include "api/queues/queue_routes.hpp"
#include "api/schedules/schedule_routes.hpp"
#include "api/service/event_routes.hpp"
#include "api/service/service_routes.hpp"
#include "api/service/ui_routes.hpp"
#include "base/version.hpp"

namespace millrace::app {

http::Router Daemon::routes() {
    http::Router router;
    const auto max_upload = config_.http.max_body_bytes;
    api::add_service_routes(router, {std::string{version()}, started_at_, config_.data, [this] { return readiness(); }},
                            dispatcher_, engine_, *base_.database, *base_.metrics, clock_);
    api::add_identity_routes(router, identity_);
    api::add_job_routes(router, jobs_, *base_.blobs, clock_, max_upload, *base_.files);
    api::add_result_routes(router, jobs_, *base_.cache);
    api::add_queue_routes(router, queues_, dispatcher_);
    api::add_dead_letter_routes(router, dead_letters_, clock_);
    api::add_lease_routes(router, leases_);
    api::add_flow_routes(router, flows_, *base_.files);
    api::add_schedule_routes(router, schedules_);
    api::add_event_routes(router, *base_.database);
    api::add_model_routes(router, registry_, engine_);
    api::add_model_engine_routes(router, registry_, engine_);
    api::add_predict_routes(router, serving_, *base_.blobs, catalog_,
                            std::chrono::hours{config_.retention.prediction_files_hours}, clock_);
    api::add_traffic_routes(router, registry_, rollout_, version_stats_, feedback_, breakers_);
    api::add_feedback_routes(router, jobs_, feedback_, clock_);
    api::add_protocol_routes(router, {registry_, serving_, engine_, *base_.files, [this] {
                                          return readiness().reasons.empty() && engine_.status().state != "unavailable";
                                      }});
    api::add_openai_routes(router, registry_, serving_, *base_.files);
    api::add_blob_routes(router, *base_.blobs, catalog_, blob_sweeper_, max_upload);
    api::add_ui_routes(router);
    return router;
}

} // namespace millrace::app
