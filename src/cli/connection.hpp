// A connection to the daemon: over its socket, TCP or TLS. Blocks; every wait has a limit. One thread. Beast reads and
// writes it as a synchronous stream.
#pragma once
#include "base/descriptor.hpp"
#include "cli/endpoint.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

struct ssl_st;

namespace millrace::cli {

class Connection {
public:
    // Connects. Throws Failure{unreachable} with what to do about it. `timeout`: seconds without a byte.
    Connection(const Endpoint& endpoint, double timeout);
    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;
    ~Connection();

    void patience(double seconds) { extra_ = seconds; } // beyond the timeout, for what is read next
    bool wait_readable(double seconds) const;           // false: nothing came

    template <class Buffers>
    std::size_t read_some(const Buffers& buffers, boost::system::error_code& failure) {
        const boost::asio::mutable_buffer first = *boost::asio::buffer_sequence_begin(buffers);
        return read(first.data(), first.size(), failure);
    }
    template <class Buffers>
    std::size_t read_some(const Buffers& buffers) {
        boost::system::error_code failure;
        const auto got = read_some(buffers, failure);
        if (failure) throw boost::system::system_error{failure};
        return got;
    }
    template <class Buffers>
    std::size_t write_some(const Buffers& buffers, boost::system::error_code& failure) {
        // Gathered: Beast gives a head as many small pieces.
        std::array<boost::asio::const_buffer, 16> pieces;
        std::size_t count = 0;
        for (auto each = boost::asio::buffer_sequence_begin(buffers);
             each != boost::asio::buffer_sequence_end(buffers) && count < pieces.size(); ++each)
            pieces[count++] = *each;
        return write(std::span{pieces}.first(count), failure);
    }
    template <class Buffers>
    std::size_t write_some(const Buffers& buffers) {
        boost::system::error_code failure;
        const auto written = write_some(buffers, failure);
        if (failure) throw boost::system::system_error{failure};
        return written;
    }

private:
    struct CloseTls {
        void operator()(ssl_st* tls) const noexcept;
    };
    void start_tls(const Endpoint& endpoint);
    bool wait(short events, double seconds) const;
    std::size_t read(void* to, std::size_t most, boost::system::error_code& failure);
    std::size_t write(std::span<const boost::asio::const_buffer> pieces, boost::system::error_code& failure);
    template <class Step>
    int do_tls(double seconds, Step step, boost::system::error_code& failure);

    Descriptor socket_;
    std::unique_ptr<ssl_st, CloseTls> tls_; // null: not encrypted
    double timeout_;
    double extra_ = 0;
};

} // namespace millrace::cli
