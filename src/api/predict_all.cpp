#include "api/predict_all.hpp"

#include "async/awaitable.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

namespace millrace::api {

using inference::Outcome;

awaitable<std::vector<Outcome>> predict_all(models::Serving& serving, std::vector<models::Call> calls) {
    struct Gathering {
        std::vector<Outcome> outcomes;
        std::size_t left;
        std::function<void(std::vector<Outcome>)> done;
    };
    const auto executor = co_await asio::this_coro::executor;
    auto start = [&serving, executor, calls = std::move(calls)](std::function<void(std::vector<Outcome>)> done) mutable {
        // Shared by the coroutines' ends, which all come on this thread.
        auto gathering = std::make_shared<Gathering>(Gathering{std::vector<Outcome>(calls.size()), calls.size(), std::move(done)});
        for (std::size_t i = 0; i < calls.size(); ++i)
            asio::co_spawn(executor, serving.predict(std::move(calls[i])), [gathering, i](std::exception_ptr failure, Outcome outcome) {
                if (failure) outcome = inference::Failure{inference::FailureReason::unavailable, "the prediction broke off; try again", false};
                gathering->outcomes[i] = std::move(outcome);
                if (--gathering->left == 0) gathering->done(std::move(gathering->outcomes));
            });
    };
    co_return co_await async::completion<std::vector<Outcome>>(std::move(start));
}

} // namespace millrace::api
