#include "http/server.hpp"

#include "http/forwarded.hpp"
#include "http/listeners.hpp"
#include "http/session.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <future>

namespace millrace::http {
namespace {

constexpr std::chrono::seconds after_closing{1}; // for sessions to notice that their socket is closed

using Leaving = std::shared_ptr<asio::cancellation_signal>; // shared by the session and by what its slot is bound to

awaitable<void> serve(std::shared_ptr<Shared> shared, Socket socket, Lane* lane, Peer peer, Leaving leaving,
                      Admissions::Ticket, bool admitted) {
    auto& open = shared->metrics.connections();
    open.add(1);
    {
        Session session{shared, std::move(socket), *lane, std::move(peer), *leaving};
        if (admitted) co_await session.run();
        else co_await session.refuse_connection();
    }
    open.add(-1);
}

Admissions::Ticket place_for(Shared& shared, const Peer& peer) {
    const auto& limits = shared.limits;
    if (peer.uid) return shared.admissions.admin();
    if (peer.proxy) shared.admissions.has_key(peer.address); // as good as
    const auto share = peer.proxy                                ? limits.connections
                       : peer.loopback && !limits.count_loopback ? limits.connections_of_loopback()
                                                                 : limits.connections_per_address;
    return shared.admissions.connection(peer.address, share);
}

// Runs `work` on a lane's thread and waits for it; at once when the lane runs no more.
void run_on(asio::io_context& context, const std::function<void()>& work) {
    if (context.stopped()) return work();
    auto done = std::make_shared<std::promise<void>>();
    auto waiting = done->get_future();
    asio::post(context, [work, done] {
        work();
        done->set_value();
    });
    while (waiting.wait_for(std::chrono::milliseconds{50}) != std::future_status::ready)
        if (context.stopped()) return;
}

} // namespace

struct Server::Core {
    ServerOptions options;
    async::IoPool& io;
    std::vector<std::unique_ptr<Lane>> lanes;
    Shared shared;
    Listeners listeners;
    std::size_t turn = 0; // on the accepting thread
    bool drained = false;

    Core(ServerOptions o, const Router& router, Hooks hooks, async::IoPool& pool, async::ThreadPool& files,
         telemetry::Log& log, telemetry::Metrics& metrics)
        : options{std::move(o)},
          io{pool},
          shared{router, std::move(hooks), options.limits, files, log, RequestMetrics{metrics, router}},
          listeners{pool.at(0), log} {
        for (std::size_t i = 0; i < io.size(); ++i) lanes.push_back(std::make_unique<Lane>(io.at(i)));
    }

    static void take(const std::shared_ptr<Core>& core, Socket socket, Lane& lane, Peer peer) {
        std::shared_ptr<Shared> shared{core, &core->shared}; // a session keeps its lane and all the rest alive
        auto ticket = place_for(*shared, peer);
        const bool admitted = static_cast<bool>(ticket);
        if (!admitted) ticket = shared->admissions.beyond_limit();
        if (!ticket) return shared->metrics.connection_refused();
        auto leaving = std::make_shared<asio::cancellation_signal>();
        auto report = [core, leaving](const std::exception_ptr& failure) {
            if (!failure) return;
            try {
                std::rethrow_exception(failure);
            } catch (const std::exception& e) { core->shared.log.error("session failed", {{"error", e.what()}}); }
        };
        auto session = serve(shared, std::move(socket), &lane, std::move(peer), leaving, std::move(ticket), admitted);
        asio::co_spawn(lane.context(), std::move(session),
                       asio::bind_cancellation_slot(leaving->slot(), std::move(report)));
    }
};

Server::Server(ServerOptions options, const Router& router, Hooks hooks, async::IoPool& io, async::ThreadPool& files,
               telemetry::Log& log, telemetry::Metrics& metrics)
    : core_{std::make_shared<Core>(std::move(options), router, std::move(hooks), io, files, log, metrics)} {}

Server::~Server() { drain(std::chrono::milliseconds{0}); }

Result<void> Server::listen() {
    auto& core = *core_;
    if (!core.options.host.empty())
        if (auto opened = core.listeners.open_tcp(core.options.host, core.options.port); !opened) return opened;
    if (!core.options.socket.empty())
        if (auto opened = core.listeners.open_unix(core.options.socket); !opened) return opened;
    auto pick = [&core]() -> Lane& { return *core.lanes[core.turn++ % core.lanes.size()]; };
    auto take = [weak = std::weak_ptr{core_}](Socket socket, Lane& lane, Peer peer) {
        const auto alive = weak.lock();
        if (!alive) return;
        peer.proxy = !peer.uid && is_trusted(alive->options.limits.proxies, peer.address);
        Core::take(alive, std::move(socket), lane, std::move(peer));
    };
    core.listeners.start(pick, take);
    return success();
}

std::uint16_t Server::port() const { return core_->listeners.port(); }

std::size_t Server::connections() const { return core_->shared.admissions.open(); }

bool Server::drain(std::chrono::milliseconds patience) {
    auto& core = *core_;
    if (core.drained) return true;
    core.drained = true;
    core.shared.stopping = true;
    run_on(core.io.at(0), [&core] { core.listeners.stop(); });
    for (auto& lane : core.lanes) run_on(lane->context(), [&lane] { lane->cancel_idle(); });
    const bool all_ended = core.shared.admissions.wait_until_empty(Steady::now() + patience);
    if (!all_ended) {
        for (auto& lane : core.lanes) run_on(lane->context(), [&lane] { lane->close_all(); });
        core.shared.admissions.wait_until_empty(Steady::now() + after_closing);
    }
    for (auto& lane : core.lanes) run_on(lane->context(), [&lane] { lane->stop(); });
    return all_ended;
}

} // namespace millrace::http
