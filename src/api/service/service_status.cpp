#include "api/service/service_status.hpp"

#include "api/models/model_json.hpp"
#include "api/queues/queue_json.hpp"

namespace millrace::api {
namespace {

// As every list of the status: of the caller's organisation alone.
json::object job_counts(const jobs::QueueCounts& total) {
    json::object counts{{"queued", total.queued},
                        {"running", total.running},
                        {"scheduled", total.scheduled},
                        {"blocked", total.blocked}};
    for (const auto& [state, count] : write_ended(total)) counts[state] = count;
    counts["oldest_age_seconds"] = total.oldest_seconds;
    counts["rates"] = json::object{{"submitted_per_second", total.submitted_per_second},
                                   {"finished_per_second", total.finished_per_second}};
    counts["external_leases"] = total.external_leases;
    counts["waiting_workers"] = total.waiting_workers;
    return counts;
}

json::array queue_counts(const jobs::QueueSnapshot& snapshot, OrganizationId organization) {
    json::array queues;
    for (const auto& queue : snapshot.queues)
        if (queue.organization == organization)
            queues.push_back(json::object{{"name", queue.name},
                                          {"queued", queue.queued},
                                          {"running", queue.running},
                                          {"scheduled", queue.scheduled},
                                          {"blocked", queue.blocked},
                                          {"oldest_age_seconds", queue.oldest_seconds},
                                          {"started_per_second", queue.started_per_second},
                                          {"finished_per_second", queue.finished_per_second},
                                          {"breaker", queue.breaker.name()}});
    return queues;
}

json::array device_status(const std::vector<inference::DeviceStatus>& devices, OrganizationId organization) {
    json::array list;
    for (const auto& each : devices) {
        if (each.organization && *each.organization != organization) continue; // another's model has it to itself
        list.push_back(json::object{{"device", each.device},
                                    {"state", each.state},
                                    {"pid", each.pid > 0 ? json::value(each.pid) : json::value(nullptr)},
                                    {"restarts", each.restarts},
                                    {"model_bytes", each.model_bytes},
                                    {"model_budget_bytes", each.model_budget},
                                    {"batches", each.batches},
                                    {"reason", each.reason},
                                    {"own_of", each.model.empty() ? json::value(nullptr) : json::value(each.model)}});
    }
    return list;
}

// Of the caller's organisation alone.
json::array quarantine_of(const inference::WorkerStatus& worker, OrganizationId organization) {
    json::array list;
    for (const auto& held : worker.quarantine)
        if (held.organization == organization) list.push_back(quarantine_json(held));
    return list;
}

json::array loaded_models(const std::vector<inference::LoadedModel>& models, OrganizationId organization) {
    json::array list;
    for (const auto& each : models)
        if (each.version->organization == organization && each.state == "ready")
            list.push_back(json::value(each.version->name + "/" + each.version->version));
    return list;
}

json::object worker_status(const inference::WorkerStatus& worker, json::array models, OrganizationId organization) {
    return {{"state", worker.state},         {"pid", worker.pid > 0 ? json::value(worker.pid) : json::value(nullptr)},
            {"restarts", worker.restarts},   {"runtime", worker.runtime},
            {"device", worker.device},       {"threads", worker.threads},
            {"in_flight", worker.in_flight}, {"queued", worker.queued},
            {"models", std::move(models)},   {"reason", worker.reason},
            {"sandbox", worker.sandbox},     {"devices", device_status(worker.devices, organization)}};
}

std::uint64_t free_bytes(const std::filesystem::path& folder) {
    std::error_code failure;
    const auto space = std::filesystem::space(folder, failure);
    return failure ? 0 : space.available;
}

} // namespace

json::object readiness_json(const Readiness& readiness) {
    return {{"ready", readiness.reasons.empty()},
            {"reasons", json::value_from(readiness.reasons)},
            {"degraded", json::value_from(readiness.degraded)}};
}

json::object ServiceStatus::of(const OrganizationId& organization, const jobs::QueueSnapshot& queue) const {
    const auto store = database_.stats();
    auto status = readiness_json(info_.readiness());
    status["version"] = info_.version;
    status["started_at"] = info_.started_at.text();
    status["uptime_seconds"] = static_cast<double>((clock_.now() - info_.started_at).count()) / 1e6;
    status["jobs"] = job_counts(queue.of(organization));
    status["queues"] = queue_counts(queue, organization);
    const auto worker = engine_.status();
    status["worker"] = worker_status(worker, loaded_models(engine_.models(), organization), organization);
    status["quarantine"] = quarantine_of(worker, organization);
    status["store"] = json::object{{"driver", store.driver},
                                   {"schema_version", store.schema_version},
                                   {"bytes", store.bytes},
                                   {"damage", store.damage.empty() ? json::value(nullptr) : json::value(store.damage)}};
    status["disk"] = json::object{{"free_bytes", free_bytes(info_.data)}};
    return status;
}

} // namespace millrace::api
