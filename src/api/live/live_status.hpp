// Once a second: what the daemon says of itself (service.status) to the streams that ask for it, written once for all
// streams of an organisation; and the logs that nobody follows any more are dropped.
#pragma once
#include "api/service/service_status.hpp"
#include "async/repeating.hpp"
#include "events/live_logs.hpp"
#include "telemetry/log.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace millrace::api {

class LiveStatus {
public:
    // Borrows all until the context has stopped.
    LiveStatus(const ServiceStatus& status, events::LiveLogs& logs, const Clock& clock, telemetry::Log& log)
        : status_{status},
          logs_{logs},
          clock_{clock},
          log_{log} {}

    void start(asio::io_context& context);
    void stop() { repeating_.stop(); } // any thread

private:
    void look();
    awaitable<void> send();

    const ServiceStatus& status_;
    events::LiveLogs& logs_;
    const Clock& clock_;
    telemetry::Log& log_;
    asio::io_context* context_ = nullptr;
    bool sending_ = false; // on the context's thread
    async::Repeating repeating_;
};

} // namespace millrace::api
