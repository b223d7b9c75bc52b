// The runtime module, loaded: runtime_abi.h with C++ ownership and values instead of codes. Thread-safe as the
// boundary is; each thread that runs models calls prepare_thread() first.
#pragma once
#include "base/result.hpp"
#include "inference/torch/runtime_abi.h"
#include "inference/worker/postprocess.hpp"
#include "inference/worker/tensor_value.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace millrace::inference::worker {

struct ForwardFailure {
    bool out_of_memory = false;
    std::string message;
};

class Runtime {
public:
    // dlopens the module; unavailable with the loader's reason. It stays loaded for the life of the process.
    static Result<Runtime> open(const std::filesystem::path& module);

    std::string version() const { return table_->version(); }
    std::string device() const { return table_->device(); }
    Result<void> prepare_thread(int threads) const;

    class Model {
    public:
        Model(const mr_runtime& table, mr_model* model) : table_{&table}, model_{model} {}
        ~Model() { table_->free_model(model_); }
        Model(const Model&) = delete;
        Model& operator=(const Model&) = delete;

    private:
        friend class Runtime;
        const mr_runtime* table_;
        mr_model* model_;
    };
    struct Loaded {
        std::shared_ptr<Model> model; // shared: a batch that runs keeps a model alive that is being unloaded
        std::string optimization, note;
    };
    // `probe`: one input, the batch dimension included; null: no optimisation.
    Result<Loaded> load(std::string_view file, const TensorValue* probe) const;

    class Outputs {
    public:
        Outputs(const mr_runtime& table, mr_result* result) : table_{&table}, result_{result} {}
        ~Outputs() { table_->free_result(result_); }
        Outputs(const Outputs&) = delete;
        Outputs& operator=(const Outputs&) = delete;

        // The outputs of item `index` of a batch of `batch`; throws std::runtime_error when an output does not begin with the batch.
        std::vector<OutputView> item(std::size_t index, std::size_t batch) const;

    private:
        const mr_runtime* table_;
        mr_result* result_;
    };
    // `input` with the batch as first dimension.
    boost::system::result<std::unique_ptr<Outputs>, ForwardFailure> forward(const Model& model,
                                                                            const TensorValue& input) const;
    void release_memory() const { table_->release_memory(); }

private:
    explicit Runtime(const mr_runtime& table) : table_{&table} {}
    const mr_runtime* table_;
};

[[noreturn]] inline void throw_exception_from_error(const ForwardFailure& failure,
                                                    const boost::source_location& where) {
    boost::throw_exception(std::runtime_error{failure.message}, where);
}

} // namespace millrace::inference::worker
