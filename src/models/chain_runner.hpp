// Runs chains: a runner that makes of a prediction of a chain (values/chain.hpp) predictions of its steps, one after
// the other, and hands everything else on. Each step is a prediction like any other, with the request's priority and
// deadline, so it meets others in the batches of its model.
#pragma once
#include "models/serving/runner.hpp"

#include <functional>
#include <memory>

namespace millrace::models {

// The version that a step names. An error says why it cannot be used. No waiting.
using FindStep =
    std::function<Result<std::shared_ptr<const inference::ModelVersion>>(OrganizationId, const values::Step&)>;

// `background` runs the chains that nobody waits for, see Runner::start(); it goes on as long as the runner is used. A
// failure is that of the step, with the step's name before its message. load() loads every step. unload() leaves the
// steps where they are, for others may use them.
std::unique_ptr<Runner> chain_runner(std::unique_ptr<Runner> runner, FindStep find, asio::any_io_executor background);

} // namespace millrace::models
