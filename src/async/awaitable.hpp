// Short names for the coroutine vocabulary, and the bridge from callbacks to coroutines.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace millrace {

namespace asio = boost::asio;
template <class T>
using awaitable = asio::awaitable<T>;

namespace async {

// Awaits one value that another thread will deliver through `done(value)`. `start` is called at once with `done`
// (copyable, callable from any thread, exactly once); the coroutine goes on upon its own executor.
//   auto row = co_await async::completion<Result<Row>>([&](auto done) { reader.post(std::move(done)); });
template <class T, class Start>
awaitable<T> completion(Start start) {
    auto initiate = [start = std::move(start)](auto handler) mutable {
        using Handler = decltype(handler);
        // Shared because std::function must copy; the handler itself is moved out once.
        auto shared = std::make_shared<Handler>(std::move(handler));
        // The executor is kept busy until the value arrives, or run() could return before.
        auto work = asio::prefer(asio::get_associated_executor(*shared), asio::execution::outstanding_work.tracked);
        start(std::function<void(T)>{[shared, work](T value) {
            asio::post(work, [shared, value = std::move(value)]() mutable { std::move (*shared)(std::move(value)); });
        }});
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(std::move(initiate),
                                                                                    asio::use_awaitable);
}

} // namespace async
} // namespace millrace
