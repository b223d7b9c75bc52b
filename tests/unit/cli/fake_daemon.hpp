// A daemon that is none: a unix socket that answers each connection with the next of the canned answers and keeps
// what it was sent. For the tests of the client alone.
#pragma once
#include "base/descriptor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <vector>

namespace millrace::cli::test {

inline std::string answer(int status, const std::string& body, const std::string& type = "application/json") {
    return fmt::format("HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
                       type, body.size(), body);
}

class FakeDaemon {
public:
    explicit FakeDaemon(std::vector<std::string> answers) : answers_{std::move(answers)} {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-cli-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
        listener_ = Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(listener_.get(), 8) != 0)
            std::abort();
        thread_ = std::thread{[this] { serve(); }};
    }
    ~FakeDaemon() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
        std::filesystem::remove_all(folder_);
    }

    std::filesystem::path folder() const { return folder_; }
    std::string socket() const { return (folder_ / "admin.sock").string(); }
    // The requests as they came, without the connections that sent nothing.
    std::vector<std::string> requests() {
        const std::lock_guard lock{mutex_};
        return requests_;
    }

    bool silent = false; // set before the first call: it listens and never answers

private:
    void serve() {
        for (;;) {
            Descriptor peer{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!peer) return;
            auto request = receive(peer.get());
            if (request.empty()) continue;
            const std::lock_guard lock{mutex_};
            requests_.push_back(std::move(request));
            if (silent) {
                held_.push_back(std::move(peer));
                continue;
            }
            const auto& reply = answers_[std::min(requests_.size(), answers_.size()) - 1];
            (void)!::send(peer.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
        }
    }
    static std::string receive(int peer) {
        std::string text;
        bool continued = false;
        for (;;) {
            const auto head = text.find("\r\n\r\n");
            if (head != std::string::npos) {
                const auto at = text.find("Content-Length: ");
                const auto length = at < head ? std::stoul(text.substr(at + 16)) : 0;
                if (text.size() >= head + 4 + length) return text;
                if (!continued && text.find("Expect: 100-continue") < head) {
                    continued = true;
                    const std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
                    (void)!::send(peer, go_on.data(), go_on.size(), MSG_NOSIGNAL);
                }
            }
            char buffer[65536];
            const auto got = ::recv(peer, buffer, sizeof buffer, 0);
            if (got <= 0) return {};
            text.append(buffer, static_cast<std::size_t>(got));
        }
    }

    std::vector<std::string> answers_;
    std::filesystem::path folder_;
    Descriptor listener_;
    std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<Descriptor> held_;
    std::thread thread_;
};

} // namespace millrace::cli::test
