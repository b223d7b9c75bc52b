#include "models/prediction_cache.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "inference/input_digest.hpp"
#include "models/serving/prediction_text.hpp"

#include <fmt/format.h>

namespace millrace::models {
namespace {

using inference::Input;
using inference::Outcome;
using inference::Prediction;
using inference::Request;

using Steady = std::chrono::steady_clock;

constexpr std::size_t large = 256 * 1024; // bytes that take longer to digest than an io thread should stand still

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text.data(), text.size()});
}

// Each text with its length before it, so that no two sequences read the same.
void add(Sha256Stream& digest, std::string_view text) {
    digest.update(bytes_of(fmt::format("{}:", text.size())));
    digest.update(bytes_of(text));
}

std::string digest_of_tensors(const std::vector<inference::Tensor>& tensors) {
    Sha256Stream digest;
    for (const auto& tensor : tensors) {
        add(digest, tensor.name);
        add(digest, values::name(tensor.datatype));
        add(digest, values::shape_text(tensor.shape));
        add(digest, tensor.bytes);
    }
    return hex(digest.finish());
}

std::optional<std::string> known_digest(const Input& input) {
    if (!input.tensors.empty()) return "tensors " + digest_of_tensors(input.tensors);
    if (!input.file) return hex(sha256(input.bytes));
    // The same bytes as a blob and in the request are the same input.
    return input.file_sha256.empty() ? std::nullopt : std::optional{input.file_sha256};
}

std::size_t bytes_to_digest(const Input& input) {
    std::size_t size = input.bytes.size();
    for (const auto& tensor : input.tensors) size += tensor.bytes.size();
    return size;
}

std::optional<Prediction> look_up(cache::Cache& cache, const std::string& key) {
    const auto kept = cache.get(key);
    if (!kept) return std::nullopt;
    auto prediction = read_prediction(*kept);
    if (!prediction) return std::nullopt;
    prediction->cached = true;
    if (prediction->result.empty()) return prediction; // a raw one
    prediction->result["queue_ms"] = 0;
    prediction->result["infer_ms"] = 0;
    prediction->result["cached"] = true;
    return prediction;
}

class CachedRunner final : public Runner {
public:
    CachedRunner(std::unique_ptr<Runner> runner, cache::Cache& cache, async::ThreadPool& pool, CountLookup count)
        : runner_{std::move(runner)},
          cache_{cache},
          pool_{pool},
          count_{std::move(count)} {}

    awaitable<Outcome> predict(Request request) override {
        const auto lifetime = request.model->manifest->cache_for;
        if (!lifetime) co_return co_await runner_->predict(std::move(request));
        const auto version = request.model;
        const auto began = Steady::now();
        // The request goes along and comes back: a cancelled coroutine takes nothing away from the pool's thread.
        const auto held = std::make_shared<Request>(std::move(request));
        const auto key = co_await key_of(held);
        if (!key) co_return co_await runner_->predict(std::move(*held));
        auto found = look_up(cache_, *key);
        count_(version, found.has_value(), Steady::now() - began);
        if (found) co_return std::move(*found);
        auto outcome = co_await runner_->predict(std::move(*held));
        if (outcome) cache_.put(*key, write_prediction(*outcome), *lifetime);
        co_return outcome;
    }

    // The shadow's answers are looked at, not given: they come from the model.
    void start(Request request, std::function<void(Outcome)> done) override {
        runner_->start(std::move(request), std::move(done));
    }
    awaitable<Result<Loaded>> load(std::shared_ptr<const inference::ModelVersion> version) override {
        return runner_->load(std::move(version));
    }
    awaitable<void> unload(std::shared_ptr<const inference::ModelVersion> version) override {
        return runner_->unload(std::move(version));
    }

private:
    awaitable<std::optional<std::string>> key_of(std::shared_ptr<Request> request) {
        if (bytes_to_digest(request->input) < large) co_return cache_key(*request);
        auto work = [request]() -> Result<std::optional<std::string>> { return cache_key(*request); };
        auto key = co_await pool_.run(std::move(work));
        if (key) co_return std::move(*key);
        co_return std::nullopt; // a busy pool is no reason to refuse a prediction
    }

    std::unique_ptr<Runner> runner_;
    cache::Cache& cache_;
    async::ThreadPool& pool_;
    CountLookup count_;
};

} // namespace

std::optional<std::string> cache_key(const Request& request) {
    const auto input = known_digest(request.input);
    if (!input) return std::nullopt;
    const auto& version = *request.model;
    Sha256Stream digest;
    for (const std::string_view part :
         {std::string_view{version.name}, std::string_view{version.version}, std::string_view{version.sha256},
          std::string_view{version.rules_sha256}, std::string_view{request.raw ? "raw" : "result"},
          std::string_view{request.input.media_type}, std::string_view{*input}})
        add(digest, part);
    if (!request.input.regions.empty()) add(digest, inference::text_of(request.input.regions));
    return fmt::format("prediction:{}:{}", version.organization.text(), hex(digest.finish()));
}

std::unique_ptr<Runner> cached_runner(std::unique_ptr<Runner> runner, cache::Cache& cache, async::ThreadPool& pool,
                                      CountLookup count) {
    return std::make_unique<CachedRunner>(std::move(runner), cache, pool, std::move(count));
}

} // namespace millrace::models
