#include "app/features/live_feature.hpp"

#include "api/live/stream_routes.hpp"

#include <thread>

namespace millrace::app {
namespace {

using namespace std::chrono_literals;

constexpr auto for_farewells = 500ms;

} // namespace

LiveFeature::LiveFeature(Foundations& base, IdentityFeature& identity, QueueFeature& queue, ServiceFeature& service)
    : base_{base},
      identity_{identity},
      queue_{queue},
      tap_{*base.feed, logs_, *base.clock},
      status_{service.status(), logs_, *base.clock, *base.log} {
    queue.dispatcher().on_progress([this](jobs::Progress progress) { tap_.hear(std::move(progress)); });
    base.metrics->gauge("millrace_event_streams", "Event streams that are open.", {},
                        [this] { return static_cast<double>(logs_.streams()); });
}

void LiveFeature::add_routes(http::Router& router) {
    api::add_stream_routes(router,
                           {logs_, identity_.identity(), *base_.database, queue_.jobs(), queue_.flows(), *base_.clock});
}

void LiveFeature::start() {
    tap_.start();
    status_.start(base_.io->at(0));
}

void LiveFeature::dismiss() {
    logs_.close();
    const auto end = std::chrono::steady_clock::now() + for_farewells;
    while (logs_.streams() > 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(5ms);
}

void LiveFeature::stop(std::chrono::milliseconds) {
    status_.stop();
    tap_.stop();
}

} // namespace millrace::app
