// What the daemon says of itself to one organisation: GET /api/v1/status, and the event streams of the web page.
// Thread-safe.
#pragma once
#include "api/service/service_routes.hpp"
#include "base/json.hpp"

namespace millrace::api {

json::object readiness_json(const Readiness& readiness);

class ServiceStatus {
public:
    // Borrows all but `info`.
    ServiceStatus(ServiceInfo info, jobs::Dispatcher& dispatcher, inference::Engine& engine, store::Database& database,
                  const Clock& clock)
        : info_{std::move(info)},
          dispatcher_{dispatcher},
          engine_{engine},
          database_{database},
          clock_{clock} {}

    awaitable<jobs::QueueSnapshot> snapshot() const { return dispatcher_.snapshot(); }
    // Of the caller's organisation alone, with the counts of a snapshot.
    json::object of(const OrganizationId& organization, const jobs::QueueSnapshot& queue) const;

private:
    const ServiceInfo info_;
    jobs::Dispatcher& dispatcher_;
    inference::Engine& engine_;
    store::Database& database_;
    const Clock& clock_;
};

} // namespace millrace::api
