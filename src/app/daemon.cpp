#include "app/daemon.hpp"

#include "api/gate.hpp"
#include "api/openai/openai_error.hpp"
#include "api/protocol/protocol_error.hpp"
#include "api/service/ui_routes.hpp"
#include "app/descriptor_limit.hpp"

#include <boost/beast/http/verb.hpp>

#include <algorithm>

namespace millrace::app {
namespace {

using namespace std::chrono_literals;

http::ServerOptions server_options(const config::Config& config) {
    http::ServerOptions options;
    options.host = config.http.listen.address;
    options.port = config.http.listen.port;
    options.socket = config.socket;
    options.limits.connections = connections_for(config.http.max_connections, descriptor_limit());
    options.limits.proxies = config.http.trusted_proxies;
    if (const auto cap = config.http.max_connections_per_address) {
        options.limits.connections_per_address = cap;
        options.limits.count_loopback = true;
    }
    return options;
}

// A failure of a route is worth a warning, ten a second. What the server itself refuses, without a key and as fast as
// anybody likes, is not (501 for an unknown method).
void log_exchange(telemetry::Log& log, telemetry::LogLimit& failures, const http::Exchange& exchange) {
    const auto level = exchange.status >= 500 && exchange.route ? telemetry::Level::warning : telemetry::Level::debug;
    if (!log.enabled(level)) return;
    std::uint64_t left_out = 0;
    if (level == telemetry::Level::warning) {
        const auto line = failures.ask();
        if (!line) return;
        left_out = line->left_out;
    }
    const auto method = boost::beast::http::to_string(exchange.request.method);
    log.write(level, "request",
              {{"id", exchange.request.id},
               {"remote", exchange.request.remote},
               {"who", exchange.request.principal.name},
               {"method", std::string_view{method.data(), method.size()}},
               {"path", exchange.request.path},
               {"status", exchange.status},
               {"bytes", exchange.body_bytes},
               {"ms", std::chrono::duration<double, std::milli>(exchange.took).count()},
               {"left_out", left_out}});
}

} // namespace

Daemon::Daemon(Foundations foundations)
    : base_{std::move(foundations)},
      identity_{base_},
      blobs_{base_},
      models_{base_, blobs_},
      queue_{base_, models_},
      service_{base_, models_, queue_},
      live_{base_, identity_, queue_, service_},
      router_{routes()},
      server_{server_options(base_.config), router_, hooks(), *base_.io, *base_.files, *base_.log, *base_.metrics} {}

Daemon::~Daemon() { drain(); }

http::Router Daemon::routes() {
    base_.readiness = [this] { return readiness(); };
    http::Router router;
    for (auto* feature : features_) feature->add_routes(router);
    return router;
}

http::Hooks Daemon::hooks() {
    return {api::make_gate(identity_.identity()),
            [this](const http::Exchange& exchange) { log_exchange(*base_.log, failures_logged_, exchange); },
            [](const http::Request& request, http::Response& response) {
                api::protocol::speak_protocol(request, response);
                api::openai::speak_openai(request, response);
                api::show_page(request, response);
            }};
}

Result<void> Daemon::start() {
    for (auto* feature : features_)
        if (auto loaded = feature->load(); !loaded) return loaded;
    if (auto listening = server_.listen(); !listening)
        return Error{listening.error().code,
                     listening.error().detail +
                         "; stop what listens there, or choose another address with --listen (http.listen)"};
    for (auto* feature : features_) feature->start();
    base_.upkeep->start(base_.io->at(0));
    return success();
}

void Daemon::drain() {
    if (drained_.exchange(true)) return;
    stopping_ = true;
    const auto patience = std::chrono::seconds{base_.config.jobs.drain_seconds};
    for (auto* feature : features_) feature->dismiss();
    server_.drain(std::min<std::chrono::milliseconds>(patience, 5s));
    base_.upkeep->stop();
    for (auto feature = features_.rbegin(); feature != features_.rend(); ++feature) (*feature)->stop(patience);
    base_.database->close();
    base_.files->close();
    base_.io->stop();
}

api::Readiness Daemon::readiness() const {
    api::Readiness readiness;
    if (stopping_) readiness.reasons.push_back("stopping");
    for (const auto* feature : features_) feature->report(readiness);
    return readiness;
}

awaitable<void> Daemon::prove_progress() {
    co_await queue_.dispatcher().snapshot();
    auto nothing = [](store::SystemSession&) -> Result<void> { return success(); };
    co_await base_.database->write(std::move(nothing));
}

} // namespace millrace::app
