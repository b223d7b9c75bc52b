// What the daemon asks of each of its features. One object has all that a feature owns, in the order in which the parts
// need each other, and takes what it builds on from the foundations and from features that stand before it. To add one,
// write it in app/features and name it in Daemon.
#pragma once
#include "api/service/service_routes.hpp"
#include "base/result.hpp"
#include "http/router.hpp"

#include <chrono>

namespace millrace::app {

class Feature {
public:
    virtual ~Feature() = default;

    virtual void add_routes(http::Router& router) = 0;

    // Fills what it has in memory from the store, before the first request. Blocks.
    virtual Result<void> load() { return success(); }
    // The daemon listens, and every feature is loaded: its own work begins.
    virtual void start() {}

    // The daemon is about to stop: nobody is to wait for anything new. Requests still come.
    virtual void dismiss() {}
    // No request comes any more: what it does ends, in so much time. Features stop in the opposite order. Blocks.
    virtual void stop(std::chrono::milliseconds) {}

    // Adds why it should get no work now, or what of it does not work. Any thread.
    virtual void report(api::Readiness&) const {}
};

} // namespace millrace::app
