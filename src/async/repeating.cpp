#include "async/repeating.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <optional>
#include <utility>

namespace millrace::async {

struct Repeating::State : std::enable_shared_from_this<State> {
    std::atomic<bool> stopped{false};
    std::chrono::milliseconds every{};
    std::function<void()> work;
    std::optional<boost::asio::steady_timer> timer; // none before start()

    void arm() {
        timer->expires_after(every);
        timer->async_wait([self = shared_from_this()](boost::system::error_code failure) {
            if (failure || self->stopped) return;
            self->work();
            self->arm();
        });
    }
};

Repeating::Repeating() : state_{std::make_shared<State>()} {}

void Repeating::start(boost::asio::io_context& context, std::chrono::milliseconds every, std::function<void()> work) {
    state_->every = every;
    state_->work = std::move(work);
    state_->timer.emplace(context);
    state_->arm();
}

bool Repeating::stop() {
    if (state_->stopped.exchange(true) || !state_->timer) return false;
    boost::asio::post(state_->timer->get_executor(), [state = state_] { state->timer->cancel(); });
    return true;
}

bool Repeating::stopped() const { return state_->stopped; }

} // namespace millrace::async
