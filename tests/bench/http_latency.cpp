// The time of one HTTP request after the other on one kept connection, as a lean client sees it.
//   http_latency PORT METHOD TARGET COUNT [--body FILE] [--header "Name: value"]...
// Prints one JSON line: median, 95th and 99th percentile in microseconds. Any answer but 200 ends it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Steady = std::chrono::steady_clock;

int connect_to(int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error{"nothing listens there"};
    return socket;
}

// The value of Content-Length in a whole head; 0 without one.
std::size_t content_length(const std::string& head) {
    for (std::size_t at = head.find("\r\n"); at != std::string::npos && at + 2 < head.size();
         at = head.find("\r\n", at + 2))
        if (::strncasecmp(head.c_str() + at + 2, "content-length:", 15) == 0)
            return std::strtoul(head.c_str() + at + 17, nullptr, 10);
    return 0;
}

class Exchange {
public:
    Exchange(int socket, std::string request) : socket_{socket}, request_{std::move(request)} {}

    // Sends the request and reads the whole answer; the time that took, in microseconds.
    double once() {
        const auto start = Steady::now();
        if (::send(socket_, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size()))
            throw std::runtime_error{"not sent"};
        received_.clear();
        std::size_t body = std::string::npos, whole = 0;
        do {
            char piece[65536];
            const auto n = ::recv(socket_, piece, sizeof piece, 0);
            if (n <= 0) throw std::runtime_error{"the connection was closed"};
            received_.append(piece, static_cast<std::size_t>(n));
            if (whole == 0 && (body = received_.find("\r\n\r\n")) != std::string::npos)
                whole = body + 4 + content_length(received_.substr(0, body + 2));
        } while (whole == 0 || received_.size() < whole);
        const double took = std::chrono::duration<double, std::micro>(Steady::now() - start).count();
        if (received_.compare(0, 12, "HTTP/1.1 200") != 0) throw std::runtime_error{received_};
        return took;
    }

private:
    int socket_;
    std::string request_, received_;
};

std::string request_of(int argc, char** argv) {
    std::string headers, body;
    for (int i = 5; i + 1 < argc; i += 2) {
        if (std::strcmp(argv[i], "--header") == 0) headers += argv[i + 1] + std::string{"\r\n"};
        else if (std::strcmp(argv[i], "--body") == 0) {
            std::ifstream in{argv[i + 1], std::ios::binary};
            body.assign(std::istreambuf_iterator<char>{in}, {});
        }
    }
    std::string request = std::string{argv[2]} + " " + argv[3] + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers;
    if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return request + "\r\n" + body;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: %s PORT METHOD TARGET COUNT [--body FILE] [--header \"Name: value\"]...\n",
                     argv[0]);
        return 2;
    }
    try {
        Exchange exchange{connect_to(std::atoi(argv[1])), request_of(argc, argv)};
        const auto count = static_cast<std::size_t>(std::atol(argv[4]));
        for (std::size_t i = 0; i < std::max<std::size_t>(count / 10, 20); ++i) exchange.once(); // warm
        std::vector<double> took(count);
        for (auto& each : took) each = exchange.once();
        std::sort(took.begin(), took.end());
        std::printf("{\"count\":%zu,\"median_us\":%.1f,\"p95_us\":%.1f,\"p99_us\":%.1f}\n", count, took[count / 2],
                    took[count * 95 / 100], took[count * 99 / 100]);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
