// Stands between the driver and a server on a unix socket, and loses what a test tells it to.
#pragma once
#include "base/descriptor.hpp"
#include "unit/store/fixture.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace millrace::store::test {

class LossyProxy {
public:
    enum class Lose { nothing, the_commit, its_answer, its_answer_and_the_server };

    // `url` names the server by a parameter host, the folder of its socket, which comes last.
    explicit LossyProxy(std::string url) : url_{std::move(url)} {
        const auto host = url_.rfind("host=") + 5;
        for (std::size_t at = host; at < url_.size(); ++at) {
            if (url_.compare(at, 3, "%2F") == 0) server_ += '/', at += 2;
            else server_ += url_[at];
        }
        url_.replace(host, std::string::npos, folder_.path.string());
        const auto name = address(folder_.path.string());
        listener_ = Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
        REQUIRE(::listen(listener_.get(), 16) == 0);
        acceptor_ = std::thread{[this] { accept(); }};
    }
    ~LossyProxy() {
        stopping_ = true;
        acceptor_.join();
        for (auto& thread : connections_) thread.join();
    }

    const std::string& url() const { return url_; }
    // Of the next COMMIT; its connection goes with it.
    void lose(Lose what) { lose_ = what; }
    // While away, every connection is cut, and new ones are too.
    void set_away(bool away) { away_ = away; }

private:
    static sockaddr_un address(const std::string& folder) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        const auto path = folder + "/.s.PGSQL.5432";
        REQUIRE(path.size() < sizeof name.sun_path);
        std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
        return name;
    }

    void accept() {
        while (!stopping_) {
            pollfd waiting{listener_.get(), POLLIN, 0};
            if (::poll(&waiting, 1, 10) <= 0) continue;
            Descriptor client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!client || away_) continue;
            Descriptor server{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
            const auto name = address(server_);
            if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) continue;
            connections_.emplace_back([this, client = std::move(client), server = std::move(server)] {
                while (!stopping_ && !away_ && pass_on(client.get(), server.get())) {}
            });
        }
    }

    // False when the connection has ended, or is to.
    bool pass_on(int client, int server) {
        std::array<pollfd, 2> both{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
        if (::poll(both.data(), both.size(), 10) < 0) return false;
        if (both[0].revents != 0) {
            std::array<char, 65536> bytes{};
            const auto got = ::read(client, bytes.data(), bytes.size());
            if (got <= 0) return false;
            const std::string_view sent{bytes.data(), static_cast<std::size_t>(got)};
            const bool commit = sent.find(std::string_view{"COMMIT\0", 7}) != std::string_view::npos;
            const auto lost = commit ? lose_.exchange(Lose::nothing) : Lose::nothing;
            if (lost == Lose::the_commit) return false;
            if (!write_all(server, sent)) return false;
            if (lost != Lose::nothing) return lose_answer(server, lost);
        }
        if (both[1].revents != 0) {
            std::array<char, 65536> bytes{};
            const auto got = ::read(server, bytes.data(), bytes.size());
            if (got <= 0) return false;
            if (!write_all(client, {bytes.data(), static_cast<std::size_t>(got)})) return false;
        }
        return true;
    }
    static bool write_all(int to, std::string_view bytes) {
        while (!bytes.empty()) {
            const auto wrote = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (wrote <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(wrote));
        }
        return true;
    }
    bool lose_answer(int server, Lose lost) {
        pollfd answer{server, POLLIN, 0};
        ::poll(&answer, 1, 10'000);
        if (lost == Lose::its_answer_and_the_server) away_ = true;
        return false;
    }

    Folder folder_;
    std::string url_, server_;
    Descriptor listener_;
    std::atomic<bool> stopping_{false}, away_{false};
    std::atomic<Lose> lose_{Lose::nothing};
    std::vector<std::thread> connections_; // of the acceptor
    std::thread acceptor_;
};

} // namespace millrace::store::test
