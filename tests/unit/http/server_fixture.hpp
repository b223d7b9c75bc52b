// A server on real sockets, and a client that talks to it with raw bytes.
#pragma once
#include "http/server.hpp"

#include "http/multipart.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <doctest/doctest.h>

#include <array>
#include <cctype>
#include <fstream>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace millrace::http::test {

using namespace std::chrono_literals;

// A client that shows the bytes.
class Client {
public:
    explicit Client(std::uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        limit_waiting();
    }
    explicit Client(const std::filesystem::path& path) : fd_{::socket(AF_UNIX, SOCK_STREAM, 0)} {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        limit_waiting();
    }
    ~Client() { ::close(fd_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    bool connected() const { return connected_; }
    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    void no_more() { ::shutdown(fd_, SHUT_WR); }
    void reset() { // closes with a RST
        linger at_once{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        ::close(std::exchange(fd_, -1));
    }

    // Until `count` bytes after `from` are here, or the end.
    std::string receive_until(const std::function<bool(const std::string&)>& enough) {
        char piece[65536];
        while (!enough(held_)) {
            const auto n = ::recv(fd_, piece, sizeof piece, 0);
            if (n <= 0) break;
            held_.append(piece, static_cast<std::size_t>(n));
        }
        return std::exchange(held_, {});
    }
    std::string receive_all() {
        return receive_until([](const std::string&) { return false; });
    }
    // One answer with a Content-Length.
    std::string answer() {
        std::size_t size = 0;
        auto whole = [&](const std::string& held) {
            const auto end = held.find("\r\n\r\n");
            if (end == std::string::npos) return false;
            const auto length = held.find("Content-Length: ");
            size = end + 4 + (length < end ? std::stoul(held.substr(length + 16)) : 0);
            return held.size() >= size;
        };
        auto got = receive_until(whole);
        if (got.size() > size && size > 0) {
            held_ = got.substr(size);
            got.resize(size);
        }
        return got;
    }

private:
    void limit_waiting() {
        timeval limit{5, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    int fd_;
    bool connected_ = false;
    std::string held_;
};

inline unsigned status(const std::string& answer) {
    const auto at = answer.rfind("HTTP/1.1 ", 0);
    return at == 0 && answer.size() > 12 ? static_cast<unsigned>(std::stoul(answer.substr(9, 3))) : 0;
}

inline std::string body_of(const std::string& answer) {
    const auto end = answer.find("\r\n\r\n");
    return end == std::string::npos ? "" : answer.substr(end + 4);
}

struct Daemon {
    std::filesystem::path folder = make_folder();
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt,
                       ::open("/dev/null", O_WRONLY | O_CLOEXEC)};
    telemetry::Metrics metrics;
    async::IoPool io{"test-io", 2};
    async::ThreadPool files{"test-files", 1, 100};
    Router router = make_router();
    std::atomic<int> exchanges{0};
    std::atomic<int> waits{0}, taken_back{0}; // handlers of /wait, answers of /hand-over
    std::string file_sha256;                  // of the checked file
    async::Guarded<std::string> verdicts;     // one letter each time that it was read whole
    async::Guarded<std::string> last;         // what the hook saw of the last exchange
    std::unique_ptr<Server> server;

    explicit Daemon(Limits limits = {}) {
        ServerOptions options;
        options.port = 0;
        options.socket = folder / "admin.sock";
        options.limits = limits;
        Hooks hooks;
        hooks.before_body = [](Request& request, const Route& route) -> awaitable<std::optional<Response>> {
            if (!route.access.is_open() && request.header("Authorization") != "Bearer key")
                co_return problem(Error{Code::unauthenticated, "send a key"}, request.id);
            request.principal.name = "tester";
            co_return std::nullopt;
        };
        hooks.after = [this](const Exchange& exchange) {
            ++exchanges;
            auto said = fmt::format("{} {}", exchange.status, exchange.request.target);
            for (const auto& [name, value] : exchange.request.headers) said += fmt::format(" {}={}", name, value);
            *last.lock() = said;
        };
        hooks.before_send = [](const Request& request, Response& response) {
            if (response.status >= 400) response.set("X-Refused", "at " + request.path);
        };
        server = std::make_unique<Server>(options, router, std::move(hooks), io, files, log, metrics);
        const auto listening = server->listen();
        REQUIRE_MESSAGE(listening.has_value(), listening.error().detail);
    }
    ~Daemon() {
        server.reset();
        io.stop();
        std::filesystem::remove_all(folder);
    }
    std::string ask(std::string_view bytes) {
        Client client{server->port()};
        client.send(bytes);
        client.no_more();
        return client.receive_all();
    }

    static std::filesystem::path make_folder() {
        char name[] = "/tmp/millrace-http-XXXXXX";
        return ::mkdtemp(name);
    }
    Router make_router();
    awaitable<Response> wait(); // for a minute, or until the client leaves
};

inline awaitable<Response> Daemon::wait() {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return text(200, "text/plain", "cut short");
    asio::steady_timer timer{co_await asio::this_coro::executor, 60s};
    ++waits;
    const auto waited = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    --waits;
    co_return text(200, "text/plain", std::get<0>(waited) ? "cut short" : "a minute");
}

inline Route open_route(Verb verb, const char* pattern, BodyPolicy body, Handler handler) {
    return {verb, pattern, std::move(handler), body, Access::open()};
}

inline Router Daemon::make_router() {
    Router made;
    made.add(open_route(Verb::get, "/hello", {},
                        [](Request&) -> awaitable<Response> { co_return text(200, "text/plain", "hello"); }));
    made.add(
        open_route(Verb::post, "/echo", BodyPolicy::buffered(100'000),
                   [](Request& request) -> awaitable<Response> { co_return text(200, "text/plain", request.body); }));
    made.add(
        open_route(Verb::put, "/count", BodyPolicy::streamed(10'000'000), [](Request& request) -> awaitable<Response> {
            std::size_t total = 0;
            std::vector<std::byte> piece(10'000);
            for (;;) {
                const auto got = co_await request.body_reader->read(piece);
                if (!got) co_return problem(got.error(), request.id);
                if (*got == 0) break;
                total += *got;
            }
            co_return text(200, "text/plain", std::to_string(total));
        }));
    made.add(
        open_route(Verb::post, "/form", BodyPolicy::streamed(1'000'000), [](Request& request) -> awaitable<Response> {
            auto form = MultipartReader::open(request.header("Content-Type"), *request.body_reader);
            if (!form) co_return problem(form.error(), request.id);
            std::string names;
            for (;;) {
                const auto part = co_await form->next();
                if (!part) co_return problem(part.error(), request.id);
                if (!*part) break;
                names += (*part)->name + ";";
            }
            co_return text(200, "text/plain", names);
        }));
    made.add(open_route(Verb::get, "/file", {}, [this](Request&) -> awaitable<Response> {
        Response response;
        const auto path = folder / "file";
        response.body = FileBody{::open(path.c_str(), O_RDONLY | O_CLOEXEC), 1, std::filesystem::file_size(path) - 1};
        co_return response;
    }));
    made.add(open_route(Verb::get, "/short-file", {}, [this](Request&) -> awaitable<Response> {
        Response response;
        response.body = FileBody{::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC), 0, 100'000'000};
        co_return response;
    }));
    made.add(open_route(Verb::get, "/checked-file", {}, [this](Request& request) -> awaitable<Response> {
        Response response;
        const auto path = folder / "file";
        const auto size = std::filesystem::file_size(path);
        const std::uint64_t first = request.header("Range").empty() ? 0 : 5;
        Checksum checksum{file_sha256, size, [this](bool sound) { *verdicts.lock() += sound ? 's' : 'd'; }};
        response.body =
            FileBody{::open(path.c_str(), O_RDONLY | O_CLOEXEC), first, first ? 10 : size, std::move(checksum)};
        co_return response;
    }));
    made.add(open_route(Verb::get, "/stream", {}, [](Request&) -> awaitable<Response> {
        Response response;
        response.body = StreamBody{[](StreamWriter& writer) -> awaitable<void> {
            for (int i = 0; i < 3; ++i) co_await writer.write("piece " + std::to_string(i) + "\n");
        }};
        co_return response;
    }));
    made.add(open_route(Verb::get, "/shout", {}, [](Request& request) -> awaitable<Response> {
        if (request.header("Upgrade") != "shout") co_return text(426, "text/plain", "ask for it");
        Response response;
        response.body = Upgrade{"shout", [](Channel& channel) -> awaitable<void> {
                                    std::array<char, 4> piece{};
                                    for (;;) {
                                        const auto size = co_await channel.read(piece, 5s);
                                        if (size == 0 || piece[0] == '!') break;
                                        std::string louder{piece.data(), size};
                                        for (auto& c : louder) c = static_cast<char>(std::toupper(c));
                                        const bool sent = co_await channel.write(std::move(louder));
                                        if (!sent) co_return;
                                    }
                                    co_await channel.write("bye");
                                }};
        co_return response;
    }));
    made.add(open_route(Verb::get, "/throws", {}, [](Request&) -> awaitable<Response> {
        throw std::runtime_error{"secret detail"};
        co_return empty();
    }));
    made.add(open_route(Verb::get, "/slow", {}, [](Request&) -> awaitable<Response> {
        asio::steady_timer timer{co_await asio::this_coro::executor, 300ms};
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        co_return text(200, "text/plain", "slow");
    }));
    made.add(open_route(Verb::get, "/wait", {}, [this](Request&) { return wait(); }));
    made.add(open_route(Verb::post, "/wait", BodyPolicy::buffered(100), [this](Request&) { return wait(); }));
    made.add(open_route(Verb::put, "/wait", BodyPolicy::streamed(100), [this](Request& request) -> awaitable<Response> {
        std::vector<std::byte> piece(10);
        for (;;) {
            const auto got = co_await request.body_reader->read(piece);
            if (!got) co_return problem(got.error(), request.id);
            if (*got == 0) break;
        }
        co_return co_await wait();
    }));
    made.add(open_route(Verb::get, "/work-and-wait", {}, [this](Request&) -> awaitable<Response> {
        auto work = []() -> Result<int> {
            std::this_thread::sleep_for(100ms);
            return 1;
        };
        const auto done = co_await files.run(std::move(work));
        if (!done) co_return text(500, "text/plain", "");
        co_return co_await wait();
    }));
    made.add(open_route(Verb::get, "/hand-over", {}, [this](Request& request) -> awaitable<Response> {
        auto response = text(200, "text/plain", request.query.find("much") ? std::string(100'000'000, 'x') : "yours");
        response.undelivered = [this] { ++taken_back; };
        auto work = []() -> Result<int> {
            std::this_thread::sleep_for(100ms);
            return 1;
        };
        co_await files.run(std::move(work));
        co_return response;
    }));
    made.add(open_route(Verb::get, "/whoami", {}, [](Request& request) -> awaitable<Response> {
        co_return text(200, "text/plain", request.remote + " " + std::to_string(request.peer_uid.value_or(99999)));
    }));
    made.add(open_route(Verb::get, "/items/{id}", {}, [](Request& request) -> awaitable<Response> {
        co_return text(200, "text/plain", std::string{request.parameter("id")}).set("X-Evil", "a\r\nSet-Cookie: b");
    }));
    auto closed =
        open_route(Verb::post, "/private", BodyPolicy::buffered(100), [](Request& request) -> awaitable<Response> {
            co_return text(200, "text/plain", request.principal.name);
        });
    closed.access = values::Permission::jobs_read;
    made.add(std::move(closed));
    return made;
}

inline const std::string host = "Host: localhost\r\n";

// What happens after the answer is out cannot be waited for through the answer.
inline bool eventually(const std::function<bool()>& happened) {
    for (int i = 0; i < 300 && !happened(); ++i) std::this_thread::sleep_for(10ms);
    return happened();
}

} // namespace millrace::http::test
