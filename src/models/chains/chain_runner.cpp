#include "models/chain_runner.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "inference/channel.hpp"
#include "models/chains/chain_answer.hpp"
#include "models/chains/chain_crops.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace millrace::models {
namespace {

using inference::Failure;
using inference::FailureReason;
using inference::Input;
using inference::ModelVersion;
using inference::Outcome;
using inference::Prediction;
using inference::Region;
using inference::Request;
using inference::Tensor;

using VersionPtr = std::shared_ptr<const ModelVersion>;
using Predictions = boost::system::result<std::vector<Prediction>, Failure>;

bool is_chain(const ModelVersion& version) { return version.manifest->task == values::Task::chain; }

Failure of_step(const values::Step& step, Failure failure) {
    failure.message = fmt::format("{}: {}", values::title(step), failure.message);
    return failure;
}

Failure of_step(const values::Step& step, const Error& error) {
    const auto reason = error.code == Code::unprocessable ? FailureReason::bad_input : FailureReason::model_failed;
    return of_step(step, Failure{reason, error.detail, false});
}

// A step's prediction within the chain's.
Request request_of(const Request& chain, VersionPtr version, Input input, bool raw) {
    Request request;
    request.model = std::move(version);
    request.input = std::move(input);
    request.priority = chain.priority;
    request.deadline = chain.deadline;
    request.alone = chain.alone;
    request.raw = raw;
    return request;
}

// One tensor for each input of the step's model.
Result<Input> input_of(const values::Step& step, const values::Manifest& manifest,
                       const std::vector<std::vector<Tensor>>& outputs) {
    Input input;
    for (const auto& spec : manifest.inputs) {
        auto& tensor = input.tensors.emplace_back();
        tensor.name = spec.tensor.name;
        tensor.datatype = spec.tensor.datatype;
        tensor.absent = true;
        const auto wanted = std::find_if(step.inputs.begin(), step.inputs.end(),
                                         [&](const auto& each) { return each.input == spec.tensor.name; });
        if (wanted == step.inputs.end()) continue;
        const auto& given = outputs[wanted->step];
        const auto output =
            std::find_if(given.begin(), given.end(), [&](const Tensor& each) { return each.name == wanted->output; });
        if (output == given.end()) continue; // an optional one
        tensor.shape = output->shape;
        tensor.bytes = output->bytes;
        tensor.absent = false;
    }
    return input;
}

// As many crops as one forward pass takes; of a model of open sides each crop has a size of its own.
std::size_t crops_at_once(const values::Manifest& manifest) {
    return manifest.inputs.front().image.open() ? 1
                                                : static_cast<std::size_t>(std::max(1, manifest.batching.max_batch));
}

// So that several requests share one copy. The digest lets a cache know the picture.
Result<void> put_in_memory(Input& picture, bool with_digest) {
    if (picture.file) return success();
    picture.file = inference::sealed_memory(picture.bytes);
    if (!picture.file) return Error{Code::unavailable, "there is no memory for the picture"};
    picture.file_size = picture.bytes.size();
    if (with_digest) picture.file_sha256 = hex(sha256(picture.bytes));
    picture.bytes = {};
    return success();
}

class ChainRunner final : public Runner {
public:
    ChainRunner(std::unique_ptr<Runner> runner, FindStep find, asio::any_io_executor background)
        : runner_{std::move(runner)},
          find_{std::move(find)},
          background_{std::move(background)} {}

    awaitable<Outcome> predict(Request request) override {
        return is_chain(*request.model) ? run(std::move(request)) : runner_->predict(std::move(request));
    }

    void start(Request request, std::function<void(Outcome)> done) override {
        if (!is_chain(*request.model)) return runner_->start(std::move(request), std::move(done));
        asio::co_spawn(background_, run(std::move(request)),
                       [done = std::move(done)](const std::exception_ptr& broken, Outcome outcome) {
                           if (broken) outcome = Failure{FailureReason::unavailable, "the prediction broke off", false};
                           done(std::move(outcome));
                       });
    }

    awaitable<Result<Loaded>> load(VersionPtr version) override {
        if (!is_chain(*version)) co_return co_await runner_->load(std::move(version));
        auto all = Loaded::yes;
        for (const auto& step : version->manifest->steps) {
            auto found = find_(version->organization, step);
            if (!found) co_return found.error();
            auto loaded = co_await runner_->load(std::move(*found));
            if (!loaded) {
                auto error = loaded.error();
                error.detail = fmt::format("{}: {}", values::title(step), error.detail);
                co_return error;
            }
            if (*loaded == Loaded::no_runtime) all = Loaded::no_runtime;
        }
        co_return all;
    }

    awaitable<void> unload(VersionPtr version) override {
        if (!is_chain(*version)) co_await runner_->unload(std::move(version));
    }

private:
    awaitable<Outcome> run(Request request) {
        const auto chain = request.model->manifest;
        std::vector<VersionPtr> versions;
        for (const auto& step : chain->steps) {
            auto found = find_(request.model->organization, step);
            if (!found) co_return Failure{FailureReason::unavailable, found.error().detail, false};
            versions.push_back(std::move(*found));
        }
        if (!values::crops(*chain)) co_return co_await hand_on(std::move(request), std::move(versions));
        if (request.raw)
            co_return Failure{FailureReason::bad_input,
                              "the answer of a chain with crops is a list of objects, which has no form as tensors: "
                              "ask for it as JSON",
                              false};
        co_return co_await look_at_crops(std::move(request), std::move(versions));
    }

    // Each step's outputs are the inputs of later ones.
    awaitable<Outcome> hand_on(Request request, std::vector<VersionPtr> versions) {
        const auto& steps = request.model->manifest->steps;
        ChainAnswer answer{*request.model};
        std::vector<std::vector<Tensor>> outputs;
        auto input = std::move(request.input);
        for (std::size_t i = 0;; ++i) {
            const bool last = i + 1 == steps.size();
            auto work = request_of(request, versions[i], std::move(input), !last || request.raw);
            auto outcome = co_await runner_->predict(std::move(work));
            if (!outcome) co_return of_step(steps[i], std::move(outcome.error()));
            answer.add(steps[i], {&*outcome, 1});
            if (last) co_return std::move(answer).finish(std::move(*outcome));
            outputs.push_back(std::move(outcome->tensors));
            auto next = input_of(steps[i + 1], *versions[i + 1]->manifest, outputs);
            if (!next) co_return of_step(steps[i + 1], next.error());
            input = std::move(*next);
        }
    }

    // What the later steps say of each crop stands beside its box.
    awaitable<Outcome> look_at_crops(Request request, std::vector<VersionPtr> versions) {
        const auto& steps = request.model->manifest->steps;
        auto picture = inference::duplicate(request.input);
        if (!picture) co_return Failure{FailureReason::unavailable, "no descriptor is free for the picture", false};
        ChainAnswer answer{*request.model};
        auto finding = request_of(request, versions[0], std::move(request.input), false);
        auto found = co_await runner_->predict(std::move(finding));
        if (!found) co_return of_step(steps[0], std::move(found.error()));
        answer.add(steps[0], {&*found, 1});
        for (std::size_t i = 1; i < steps.size(); ++i) {
            const auto crops = crops_of(found->result, *steps[i].crop);
            if (!crops) co_return of_step(steps[i], crops.error());
            auto seen = co_await look(request, versions[i], *picture, crops->regions);
            if (!seen) co_return of_step(steps[i], std::move(seen.error()));
            answer.add(steps[i], *seen, crops->regions.size());
            if (auto put = put_beside(found->result, steps[i], *crops, *seen, crops_at_once(*versions[i]->manifest));
                !put)
                co_return of_step(steps[i], put.error());
        }
        co_return std::move(answer).finish(std::move(*found));
    }

    // All crops at once, so that they meet in a batch.
    awaitable<Predictions> look(const Request& request, VersionPtr version, Input& picture,
                                const std::vector<Region>& regions) {
        const auto size = crops_at_once(*version->manifest);
        if (regions.size() > size)
            if (auto put = put_in_memory(picture, version->manifest->cache_for.has_value()); !put)
                co_return Failure{FailureReason::unavailable, put.error().detail, false};
        std::vector<Request> requests;
        for (std::size_t from = 0; from < regions.size(); from += size) {
            auto input = inference::duplicate(picture);
            if (!input) co_return Failure{FailureReason::unavailable, "no descriptor is free for the picture", false};
            const auto begin = regions.begin() + static_cast<std::ptrdiff_t>(from);
            input->regions.assign(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, regions.size() - from)));
            requests.push_back(request_of(request, version, std::move(*input), false));
        }
        co_return co_await predict_all(std::move(requests));
    }

    // In their order; the first failure, once all have ended. When the coroutine is cancelled, so are they.
    awaitable<Predictions> predict_all(std::vector<Request> requests) {
        std::vector<Prediction> predictions;
        if (requests.empty()) co_return predictions;
        const auto executor = co_await asio::this_coro::executor;
        const auto spawn = [&](Request& request) {
            return asio::co_spawn(executor, runner_->predict(std::move(request)), asio::deferred);
        };
        std::vector<decltype(spawn(requests.front()))> under_way;
        for (auto& request : requests) under_way.push_back(spawn(request));
        auto group = asio::experimental::make_parallel_group(std::move(under_way));
        auto [order, broken, outcomes] =
            co_await group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            if (broken[i]) co_return Failure{FailureReason::cancelled, "the prediction broke off", false};
            if (!outcomes[i]) co_return std::move(outcomes[i].error());
            predictions.push_back(std::move(*outcomes[i]));
        }
        co_return predictions;
    }

    static Result<void> put_beside(json::object& found, const values::Step& step, const Crops& crops,
                                   const std::vector<Prediction>& seen, std::size_t at_once) {
        auto& objects = found.at("objects").as_array();
        std::size_t crop = 0;
        for (const auto& prediction : seen) {
            const auto answers = answers_of(prediction.result, std::min(at_once, crops.objects.size() - crop));
            if (!answers) return answers.error();
            for (const auto& each : *answers) objects[crops.objects[crop++]].as_object()[step.name] = each;
        }
        return success();
    }

    std::unique_ptr<Runner> runner_;
    FindStep find_;
    asio::any_io_executor background_;
};

} // namespace

std::unique_ptr<Runner> chain_runner(std::unique_ptr<Runner> runner, FindStep find, asio::any_io_executor background) {
    return std::make_unique<ChainRunner>(std::move(runner), std::move(find), std::move(background));
}

} // namespace millrace::models
