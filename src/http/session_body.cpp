#include "http/session_body.hpp"

#include <fmt/format.h>

namespace millrace::http {
namespace {

constexpr std::uint64_t unlimited = ~std::uint64_t{0};
constexpr std::size_t first_piece = 64 * 1024; // an announced length alone buys no more memory than this

Error too_large(std::uint64_t max_bytes) {
    return {Code::too_large, fmt::format("the body is larger than {} bytes", max_bytes)};
}

} // namespace

void SessionBody::begin(const Framing& framing) {
    switch (framing.body) {
    case Framing::Body::none: state_ = State::finished; break;
    case Framing::Body::length: state_ = State::length; break;
    case Framing::Body::chunked: state_ = State::chunked; break;
    }
    length_.reset();
    if (framing.body != Framing::Body::chunked) length_ = framing.length;
    left_ = framing.length;
    received_ = 0;
    max_ = unlimited;
    waited_ = {};
    owes_continue_ = framing.expects_continue;
    error_.reset();
    decoder_ = {};
}

Result<void> SessionBody::set_limit(std::uint64_t max_bytes) {
    max_ = max_bytes;
    if (state_ == State::length && left_ > max_bytes) return too_large(max_bytes);
    return success();
}

std::optional<std::uint64_t> SessionBody::length() const { return length_; }

bool SessionBody::can_be_skipped(std::size_t bound) const {
    if (state_ == State::finished) return true;
    return !owes_continue_ && (state_ == State::chunked || (state_ == State::length && left_ <= bound));
}

void SessionBody::took(std::uint64_t n) {
    received_ += n;
    if (state_ == State::chunked) {
        decoder_.take_data(n);
    } else {
        left_ -= n;
        if (left_ == 0) state_ = State::finished;
    }
}

Error SessionBody::broken(Error why) {
    state_ = State::broken;
    error_ = why;
    return why;
}

Result<bool> SessionBody::next_chunk() {
    input_->consume(decoder_.skip_framing(input_->unread()));
    if (decoder_.failed()) return broken({Code::invalid_argument, "the body's chunks are malformed"});
    if (decoder_.done()) state_ = State::finished;
    if (decoder_.data_due() > max_ - received_) return broken(too_large(max_));
    return decoder_.data_due() > 0;
}

awaitable<Result<std::size_t>> SessionBody::read(std::span<std::byte> into) {
    const std::span<char> out{reinterpret_cast<char*>(into.data()), into.size()};
    for (;;) {
        if (error_) co_return *error_;
        if (state_ == State::finished || out.empty()) co_return std::size_t{0};
        if (state_ == State::chunked && decoder_.data_due() == 0) {
            const auto more = next_chunk();
            if (!more) co_return more.error();
            if (!*more && state_ == State::chunked) {
                const auto got = co_await fetch(input_->space());
                if (!got) co_return got.error();
                input_->filled(*got);
            }
            continue;
        }
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), due()));
        auto n = std::min(want, input_->unread().size());
        if (n > 0) {
            std::memcpy(out.data(), input_->unread().data(), n);
            input_->consume(n);
        } else {
            const auto got = co_await fetch(out.first(want));
            if (!got) co_return got.error();
            n = *got;
        }
        took(n);
        co_return n;
    }
}

awaitable<Result<std::size_t>> SessionBody::fetch(std::span<char> into) {
    if (owes_continue_) {
        owes_continue_ = false;
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        const bool sent = co_await connection_->write(go_on, {}, limits_->write_stall);
        if (!sent) co_return broken({Code::invalid_argument, "the connection broke"});
    }
    const auto begun = Steady::now();
    const std::chrono::seconds earned{received_ / std::max<std::uint64_t>(limits_->body_rate, 1)};
    const auto patience =
        std::min<std::chrono::nanoseconds>(limits_->body_grace + earned - waited_, limits_->idle_time);
    const auto got = co_await connection_->read(into, begun + patience);
    waited_ += Steady::now() - begun;
    owes_continue_ = false;
    switch (got.outcome) {
    case Connection::Outcome::ok: co_return got.bytes;
    case Connection::Outcome::timed_out: co_return broken({Code::timed_out, "the body came too slowly"});
    default: co_return broken({Code::invalid_argument, "the body ended too early"});
    }
}

bool SessionBody::take_all(std::string& out) {
    if (state_ == State::finished) return true;
    if (state_ != State::length || input_->unread().size() < left_) return false;
    out.assign(input_->unread().substr(0, left_));
    input_->consume(left_);
    took(left_);
    return true;
}

awaitable<Result<void>> SessionBody::read_all(std::string& out) {
    std::size_t have = 0;
    for (;;) {
        if (state_ == State::finished && !error_) break;
        if (have == out.size()) {
            auto more = std::max(have, first_piece); // doubles
            if (state_ == State::length) more = static_cast<std::size_t>(std::min<std::uint64_t>(more, left_));
            out.resize(have + more);
        }
        const auto got = co_await read(std::as_writable_bytes(std::span{out.data() + have, out.size() - have}));
        if (!got) co_return got.error();
        if (*got == 0) break;
        have += *got;
    }
    out.resize(have);
    co_return success();
}

awaitable<bool> SessionBody::skip(std::size_t bound) {
    std::array<std::byte, 4096> sink{};
    while (!finished()) {
        const auto got = co_await read(sink);
        if (!got || *got > bound) co_return false;
        bound -= *got;
    }
    co_return true;
}

} // namespace millrace::http
