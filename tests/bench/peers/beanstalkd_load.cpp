// Durable puts, then reserve and delete, at a running beanstalkd.
//   bench_peer_beanstalkd PORT CONNECTIONS SECONDS
#include "load.hpp"

#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::exit(1);
}

class Connection {
public:
    explicit Connection(int port) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            fail("cannot connect to beanstalkd");
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ~Connection() { ::close(socket_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    std::size_t put() {
        static const std::string job = millrace::bench::peer_payload;
        static const std::string command = "put 5 0 60 " + std::to_string(job.size()) + "\r\n" + job + "\r\n";
        if (ask(command, 1).rfind("INSERTED", 0) != 0) fail("not inserted: " + answer_);
        return 1;
    }
    std::size_t reserve_and_delete() {
        if (ask("reserve-with-timeout 0\r\n", 1) == "TIMED_OUT\r\n") return 0;
        if (answer_.rfind("RESERVED ", 0) != 0) fail("not reserved: " + answer_);
        while (std::count(answer_.begin(), answer_.end(), '\n') < 2) receive();
        const auto id = answer_.substr(9, answer_.find(' ', 9) - 9);
        if (ask("delete " + id + "\r\n", 1) != "DELETED\r\n") fail("not deleted: " + answer_);
        return 1;
    }

private:
    const std::string& ask(const std::string& command, int lines) {
        if (::send(socket_, command.data(), command.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(command.size()))
            fail("cannot send");
        answer_.clear();
        while (std::count(answer_.begin(), answer_.end(), '\n') < lines) receive();
        return answer_;
    }
    void receive() {
        char buffer[1024];
        const auto got = ::recv(socket_, buffer, sizeof buffer, 0);
        if (got <= 0) fail("beanstalkd has closed the connection");
        answer_.append(buffer, static_cast<std::size_t>(got));
    }

    int socket_;
    std::string answer_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) fail("usage: bench_peer_beanstalkd PORT CONNECTIONS SECONDS");
    const auto count = static_cast<std::size_t>(std::atoi(argv[2]));
    const double seconds = std::atof(argv[3]);
    std::vector<std::unique_ptr<Connection>> connections;
    for (std::size_t i = 0; i < count; ++i) connections.push_back(std::make_unique<Connection>(std::atoi(argv[1])));
    const auto puts = millrace::bench::run_load(count, seconds, [&](std::size_t i) { return connections[i]->put(); });
    const auto runs =
        millrace::bench::run_load(count, seconds, [&](std::size_t i) { return connections[i]->reserve_and_delete(); });
    std::printf("{");
    puts.print("submit", ", ");
    runs.print("run", "}\n");
}
