// Where the engine's state lives: on the thread of an io_context, whose handlers take the turn one after another.
// Another thread may do a short piece of that work itself when nobody has the turn, which saves a change of threads.
// Thread-safe.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace millrace::inference {

class EngineLoop {
public:
    // Given back at its end. False: somebody has it.
    class Turn {
    public:
        Turn() = default;
        explicit Turn(EngineLoop& owner) : owner_{&owner} { owner.holder_ = std::this_thread::get_id(); }
        Turn(Turn&& other) noexcept : owner_{std::exchange(other.owner_, nullptr)} {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (!owner_) return;
            owner_->holder_ = std::thread::id{};
            owner_->mutex_.unlock();
        }
        explicit operator bool() const { return owner_ != nullptr; }

    private:
        EngineLoop* owner_ = nullptr;
    };

    boost::asio::io_context& context() { return context_; }
    // Waits for it; never while this thread has it.
    Turn take() {
        mutex_.lock();
        return Turn{*this};
    }
    Turn try_take() {
        const bool is_mine =
            holder_ == std::this_thread::get_id(); // called back from within: that work comes after this
        return !is_mine && mutex_.try_lock() ? Turn{*this} : Turn{};
    }
    // `work` as a handler of the context: it has the turn while it runs.
    template <class Work>
    auto in_turn(Work work) {
        return [this, work = std::move(work)](auto&&... arguments) mutable {
            const auto turn = take();
            work(std::forward<decltype(arguments)>(arguments)...);
        };
    }
    template <class Work>
    void post(Work work) {
        boost::asio::post(context_, in_turn(std::move(work)));
    }

private:
    boost::asio::io_context context_{1};
    std::mutex mutex_;
    std::atomic<std::thread::id> holder_{};
};

} // namespace millrace::inference
