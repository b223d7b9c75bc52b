#include "app/serve.hpp"

#include "app/daemon.hpp"
#include "app/descriptor_limit.hpp"
#include "app/service_manager.hpp"
#include "base/version.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include <sys/stat.h>

namespace millrace::app {
namespace {

telemetry::Level log_level(config::LogLevel level) { return static_cast<telemetry::Level>(level); }
telemetry::LogFormat log_format(config::LogFormat format) { return static_cast<telemetry::LogFormat>(format); }

void reload(config::Loaded& loaded, telemetry::Log& log) {
    auto fresh = config::load(loaded.sources);
    if (!fresh) {
        log.error("configuration not reloaded; the old values stay", {{"reason", fresh.error().detail}});
        return;
    }
    log.set_level(std::min(log_level(loaded.config.log.level), log_level(fresh->config.log.level))); // says all of it
    for (const auto& change : config::differences(loaded.config, fresh->config))
        log.info(
            "setting changed",
            {{"key", change.key}, {"from", change.from}, {"to", change.to}, {"needs_restart", change.needs_restart}});
    log.set_level(log_level(fresh->config.log.level));
    loaded = std::move(*fresh);
}

// Pings the service manager only while the parts that do the work answer.
awaitable<void> feed_watchdog(Daemon& daemon, std::chrono::microseconds interval) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    for (;;) {
        co_await daemon.prove_progress();
        notify_service_manager("WATCHDOG=1");
        timer.expires_after(interval);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

// How a command must name this daemon; nothing where it finds it unasked.
std::string named(const config::Config& config) {
    if (config.socket == "/run/millrace/admin.sock") return "";
    if (config.socket != config.data / "admin.sock") return " --socket " + config.socket.string();
    return config.data == config::default_data() ? "" : " --data " + config.data.string();
}

void say_how_to_begin(const config::Config& config, std::uint16_t port) {
    fmt::print(stderr,
               "\n  Nobody has a key yet. Make the first one on this machine:\n\n"
               "    millrace key create --name admin --role admin{}\n\n"
               "  and sign in with it at http://{}/\n\n",
               named(config), config::Endpoint{config.http.listen.address, port}.text());
}

// Runs the signal loop until it is time to stop. `main` outlives the daemon: its threads may still answer the watchdog.
// `stop` catches signals since before the daemon was ready.
void wait_for_the_end(asio::io_context& main, asio::signal_set& stop, Daemon& daemon, config::Loaded& loaded,
                      telemetry::Log& log) {
    asio::signal_set hang_up{main, SIGHUP};
    stop.async_wait([&](boost::system::error_code failure, int signal) {
        if (failure) return;
        log.info("stopping", {{"signal", signal}});
        main.stop();
    });
    const std::function<void(boost::system::error_code, int)> reloading = [&](boost::system::error_code failure, int) {
        if (failure) return;
        reload(loaded, log);
        hang_up.async_wait(reloading);
    };
    hang_up.async_wait(reloading);
    if (const auto interval = watchdog_interval())
        asio::co_spawn(main, feed_watchdog(daemon, *interval), asio::detached);
    main.run();
}

} // namespace

int serve(config::Loaded loaded) {
    std::signal(SIGPIPE, SIG_IGN);
    ::umask(0027);
    raise_descriptor_limit();
    const auto& config = loaded.config;
    telemetry::Log log{log_level(config.log.level), log_format(config.log.format)};
    if (const auto fit = connections_for(config.http.max_connections, descriptor_limit());
        fit < config.http.max_connections)
        log.warning("fewer connections than configured: raise the hard limit of descriptors (LimitNOFILE, ulimit -Hn)",
                    {{"http.max_connections", config.http.max_connections},
                     {"connections", fit},
                     {"descriptors", descriptor_limit()}});
    for (const auto& warning : loaded.warnings) log.warning("configuration", {{"warning", warning}});

    auto base = Foundations::open(config, log);
    if (!base) {
        log.error("cannot start", {{"reason", base.error().detail}});
        return 1;
    }
    asio::io_context main;
    Daemon daemon{std::move(*base)};
    asio::signal_set stop{main, SIGTERM, SIGINT};
    if (const auto started = daemon.start(); !started) {
        log.error("cannot start", {{"reason", started.error().detail}});
        return 1;
    }
    log.info("ready",
             {{"version", version()},
              {"url", fmt::format("http://{}/", config::Endpoint{config.http.listen.address, daemon.port()}.text())},
              {"data", config.data.string()},
              {"socket", config.socket.string()}});
    if (!daemon.has_keys()) say_how_to_begin(config, daemon.port());
    notify_service_manager("READY=1");

    wait_for_the_end(main, stop, daemon, loaded, log);

    notify_service_manager("STOPPING=1");
    // A second signal ends the process at once.
    stop.clear();
    std::signal(SIGTERM, SIG_DFL);
    std::signal(SIGINT, SIG_DFL);
    daemon.drain();
    log.info("stopped");
    return daemon.store_failed() ? 1 : 0;
}

} // namespace millrace::app
