#include "api/predict/predict_all.hpp"

#include "async/awaitable.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>

namespace millrace::api {

using inference::Outcome;

awaitable<std::vector<Outcome>> predict_all(models::Serving& serving, std::vector<models::Call> calls) {
    std::vector<Outcome> outcomes;
    if (calls.empty()) co_return outcomes;
    const auto executor = co_await asio::this_coro::executor;
    const auto spawn = [&](models::Call& call) {
        return asio::co_spawn(executor, serving.predict(std::move(call)), asio::deferred);
    };
    std::vector<decltype(spawn(calls.front()))> under_way;
    under_way.reserve(calls.size());
    for (auto& call : calls) under_way.push_back(spawn(call));
    auto group = asio::experimental::make_parallel_group(std::move(under_way));
    auto [order, broken, ended] = co_await group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
    for (std::size_t i = 0; i < ended.size(); ++i) {
        if (broken[i])
            outcomes.push_back(inference::Failure{inference::FailureReason::unavailable,
                                                  "the prediction broke off; try again", false});
        else outcomes.push_back(std::move(ended[i]));
    }
    co_return outcomes;
}

} // namespace millrace::api
