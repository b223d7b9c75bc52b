// The body of the present request, from a connection and the bytes that came with its header. One for a session,
// begun anew for each request.
#pragma once
#include "http/chunks.hpp"
#include "http/connection.hpp"
#include "http/framing.hpp"
#include "http/input_buffer.hpp"
#include "http/request.hpp"

namespace millrace::http {

class SessionBody final : public BodyReader {
public:
    SessionBody(Connection& connection, InputBuffer& input, const Limits& limits)
        : connection_{&connection},
          input_{&input},
          limits_{&limits} {}

    void begin(const Framing& framing);
    // Set before the first read; a known length is compared at once.
    Result<void> set_limit(std::uint64_t max_bytes);

    awaitable<Result<std::size_t>> read(std::span<std::byte> into) override;
    std::optional<std::uint64_t> length() const override;

    // Without a coroutine, when it is all here already.
    bool take_all(std::string& out);
    awaitable<Result<void>> read_all(std::string& out);
    // Reads and drops what is left, `bound` bytes at most; true when the connection can go on behind it.
    awaitable<bool> skip(std::size_t bound);

    bool timed_out() const { return error_ && error_->code == Code::timed_out; }
    bool finished() const { return state_ == State::finished; }
    // Whether skip() is worth promising keep-alive for: a sender that waits for 100 Continue may send its body or
    // not, and one that has much left should not be listened to.
    bool can_be_skipped(std::size_t bound) const;

private:
    enum class State { finished, length, chunked, broken };
    std::uint64_t due() const { return state_ == State::length ? left_ : decoder_.data_due(); }
    void took(std::uint64_t n);
    Result<bool> next_chunk(); // true when data is due
    awaitable<Result<std::size_t>> fetch(std::span<char> into);
    Error broken(Error why);

    Connection* connection_;
    InputBuffer* input_;
    const Limits* limits_;
    State state_ = State::finished;
    ChunkDecoder decoder_;
    std::optional<std::uint64_t> length_;
    std::uint64_t left_ = 0, received_ = 0, max_ = 0;
    std::chrono::nanoseconds waited_{0}; // for the peer, while a read was under way
    bool owes_continue_ = false;
    std::optional<Error> error_;
};

} // namespace millrace::http
