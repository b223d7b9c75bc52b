// The runtime module, loaded: runtime_abi.h with C++ ownership and values instead of codes. Thread-safe as the
// boundary is; each thread that runs models calls set_threads() first.
#pragma once
#include "base/result.hpp"
#include "inference/torch/runtime_abi.h"
#include "inference/worker/postprocess/postprocess.hpp"
#include "inference/worker/tensor/tensor_value.hpp"
#include "values/manifest.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace millrace::inference::worker {

struct ForwardFailure {
    bool out_of_memory = false;
    bool device_lost = false; // no further pass of this process can work
    std::string message;
};

class Runtime {
public:
    // dlopens the module and opens "cpu" or "cuda:N"; unavailable with the reason. It stays for the life of the
    // process.
    static Result<Runtime> open(const std::filesystem::path& module, const std::string& device);

    std::string version() const { return table_->version(); }
    // Of the passes that the calling thread makes from now on.
    Result<void> set_threads(int threads) const;

    class Model {
    public:
        Model(const mr_runtime& table, mr_model* model, std::uint32_t outputs)
            : table_{&table},
              model_{model},
              outputs_{outputs} {}
        ~Model() { table_->free_model(model_); }
        Model(const Model&) = delete;
        Model& operator=(const Model&) = delete;

        // After the warm-up, before the first prediction.
        void begin_service() const { table_->begin_service(model_); }

    private:
        friend class Runtime;
        const mr_runtime* table_;
        mr_model* model_;
        std::uint32_t outputs_;
    };
    struct Loaded {
        std::shared_ptr<Model> model; // shared: a batch that runs keeps a model alive that is being unloaded
        std::string optimization, note;
        values::Precision precision = values::Precision::fp32;
        bool channels_last = false;
    };
    // `inputs`: one call's tensors, the batch dimension included; none: no optimisation.
    Result<Loaded> load(std::string_view file, std::span<const mr_tensor> inputs,
                        const values::Manifest& manifest) const;

    class Outputs {
    public:
        // `count`: of the model's manifest.
        Outputs(const mr_runtime& table, mr_result* result, std::uint32_t count)
            : table_{&table},
              result_{result},
              count_{count} {}
        ~Outputs() { table_->free_result(result_); }
        Outputs(const Outputs&) = delete;
        Outputs& operator=(const Outputs&) = delete;

        // `count` rows from row `first` of a batch of `rows`, shapes without the batch dimension; throws
        // std::runtime_error when an output does not begin with the batch, or has rows of different shapes and several
        // are asked for.
        std::vector<OutputView> views(std::int64_t first, std::int64_t count, std::int64_t rows) const;

    private:
        OutputView part_of_batch(std::uint32_t output, std::int64_t first, std::int64_t count, std::int64_t rows) const;
        OutputView joined_rows(std::uint32_t output, std::int64_t first, std::int64_t count) const;

        const mr_runtime* table_;
        mr_result* result_;
        std::uint32_t count_;
    };
    // Each input with the batch as first dimension.
    boost::system::result<std::unique_ptr<Outputs>, ForwardFailure> forward(const Model& model,
                                                                            std::span<const mr_tensor> inputs) const;
    // `work` after the tasks that models have begun until now, on their pool. Returns at once.
    void run_aside(std::function<void()> work) const;
    void release_memory() const { table_->release_memory(); }
    mr_memory memory() const { return table_->memory(); }

private:
    explicit Runtime(const mr_runtime& table) : table_{&table} {}
    const mr_runtime* table_;
};

// The batch as the first dimension, before those of `shape`; borrows `data`.
mr_tensor batch_view(values::Datatype type, std::int64_t rows, std::span<const std::int64_t> shape,
                     std::span<const std::byte> data);

mr_tensor absent_view();

[[noreturn]] inline void throw_exception_from_error(const ForwardFailure& failure,
                                                    const boost::source_location& where) {
    boost::throw_exception(std::runtime_error{failure.message}, where);
}

} // namespace millrace::inference::worker
