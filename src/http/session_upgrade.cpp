// An answer after which the connection speaks another protocol.
#include "http/session.hpp"

#include <algorithm>

namespace millrace::http {
namespace {

class SessionChannel final : public Channel {
public:
    SessionChannel(Connection& connection, InputBuffer& input, const Shared& shared, std::uint64_t& sent)
        : connection_{&connection},
          input_{&input},
          shared_{&shared},
          sent_{&sent} {}

    // What came with the request, or was read ahead while it was answered, comes first.
    awaitable<std::size_t> read(std::span<char> into, std::chrono::milliseconds at_most) override {
        const auto deadline = Steady::now() + at_most;
        if (input_->unread().empty() && connection_->reads_ahead()) co_await connection_->arrival(deadline);
        if (const auto held = input_->unread(); !held.empty()) {
            const auto size = std::min(held.size(), into.size());
            std::copy_n(held.data(), size, into.data());
            input_->consume(size);
            co_return size;
        }
        if (connection_->reads_ahead()) co_return 0; // nothing came in time
        const auto got = co_await connection_->read(into, deadline);
        co_return got.outcome == Connection::Outcome::ok ? got.bytes : 0;
    }
    awaitable<bool> write(std::string piece) override {
        const bool sent = co_await connection_->write(piece, {}, shared_->limits.write_stall);
        if (sent) *sent_ += piece.size();
        co_return sent;
    }
    bool stopping() const override { return shared_->stopping.load(std::memory_order_relaxed); }

private:
    Connection* connection_;
    InputBuffer* input_;
    const Shared* shared_;
    std::uint64_t* sent_;
};

} // namespace

awaitable<bool> Session::send_upgrade(Response& response, Upgrade upgrade) {
    keep_alive_ = false;
    if (version_ != 11 || framing_.body != Framing::Body::none) {
        response = refused({400, "a protocol is changed by a request of HTTP/1.1 without a body"}, request_.id);
        const auto& text = std::get<std::string>(response.body);
        co_return co_await send_text(response, text);
    }
    response.status = 101;
    auto options = head_options();
    options.upgrade = upgrade.protocol;
    begin_head(response, options);
    const bool begun = co_await connection_.write(out_, {}, shared_->limits.write_stall);
    if (!begun) co_return false;
    SessionChannel channel{connection_, input_, *shared_, sent_};
    std::string failure; // no co_await inside a catch block
    try {
        co_await upgrade.speak(channel);
    } catch (const std::exception& e) { failure = e.what(); }
    if (!failure.empty())
        shared_->log.error("another protocol failed",
                           {{"request", request_.id}, {"protocol", upgrade.protocol}, {"error", failure}});
    co_return failure.empty();
}

} // namespace millrace::http
