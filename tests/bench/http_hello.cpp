// What the HTTP room costs by itself: a server with two trivial handlers, to be loaded by wrk, ab or the like.
//   bench_http_hello [PORT] [THREADS]       GET /hello, POST /echo
// At the end (SIGINT) it prints the requests served and the processor time that each took, which says more than
// requests a second on a machine that does other things, too.
#include "http/server.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <sys/resource.h>

using namespace millrace;
using namespace millrace::http;

namespace {

Route route(Verb verb, const char* pattern, BodyPolicy body, Handler handler) {
    Route made;
    made.verb = verb;
    made.pattern = pattern;
    made.body = body;
    made.handler = std::move(handler);
    made.open = true;
    return made;
}

double processor_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

} // namespace

int main(int argc, char** argv) {
    const int port = argc > 1 ? std::atoi(argv[1]) : 17878;
    const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    telemetry::Log log{telemetry::Level::warning, telemetry::LogFormat::logfmt};
    telemetry::Metrics metrics;
    async::IoPool io{"io", static_cast<std::size_t>(threads)};
    async::ThreadPool files{"files", 1, 16};
    Router router;
    router.add(route(Verb::get, "/hello", {},
                     [](Request&) -> awaitable<Response> { co_return text(200, "text/plain", "hello"); }));
    router.add(route(Verb::post, "/echo", BodyPolicy::buffered(),
                     [](Request& request) -> awaitable<Response> { co_return json_text(200, request.body); }));
    std::atomic<std::uint64_t> served{0};
    Hooks hooks;
    hooks.before_body = [](Request&, const Route&) -> awaitable<std::optional<Response>> { co_return std::nullopt; };
    hooks.after = [&](const Exchange&) { served.fetch_add(1, std::memory_order_relaxed); };
    ServerOptions options;
    options.port = static_cast<std::uint16_t>(port);
    Server server{options, router, hooks, io, files, log, metrics};
    if (auto listening = server.listen(); !listening) {
        std::fprintf(stderr, "%s\n", listening.error().detail.c_str());
        return 1;
    }
    std::printf("listening on port %d with %d threads\n", server.port(), threads);
    std::fflush(stdout);
    int signal = 0;
    sigwait(&signals, &signal);
    server.drain(std::chrono::milliseconds{100});
    const auto n = served.load();
    std::printf("%llu requests, %.2f microseconds of processor time each\n", static_cast<unsigned long long>(n),
                processor_seconds() * 1e6 / static_cast<double>(n ? n : 1));
    return 0;
}
