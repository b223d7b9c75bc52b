// The worker's work: models loaded on one thread, inputs decoded by a pool, forward passes on the inference thread. While one
// batch is in the runtime, the next is being decoded.
#pragma once
#include "async/guarded.hpp"
#include "async/thread_pool.hpp"
#include "base/descriptor.hpp"
#include "inference/frame.hpp"
#include "inference/worker/runtime.hpp"
#include "model/manifest.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <thread>

namespace millrace::inference::worker {

struct PipelineOptions {
    int threads = 1;         // of one forward pass
    int decode_threads = 1;
};

class Pipeline {
public:
    // Called from several threads, one at a time or together.
    using Send = std::function<void(const frame::ToDaemon&)>;

    Pipeline(Runtime runtime, PipelineOptions options, Send send);
    // Never destroyed while work runs: the worker process ends as a whole.

    // From the thread that reads the channel; none of them waits for work.
    void load(frame::Load message, Descriptor file);
    void unload(std::uint32_t model);
    void run(frame::Batch batch, std::vector<Descriptor> descriptors);

private:
    struct Model {
        std::shared_ptr<Runtime::Model> runtime;         // shared with the batches that use it
        std::shared_ptr<const model::Manifest> manifest;
    };
    struct Work;
    using WorkPtr = std::shared_ptr<Work>; // shared by the decoders of one batch

    frame::Loaded load_now(const frame::Load& message, const Descriptor& file);
    void warm_up(const Model& model, const TensorValue& probe, frame::Loaded& report);
    void decode_some(const WorkPtr& work);
    void infer_forever();
    void infer(Work& work);
    void infer_group(Work& work, std::span<const std::size_t> items);
    void finish(const WorkPtr& work);

    Runtime runtime_;
    PipelineOptions options_;
    Send send_;
    async::Guarded<std::map<std::uint32_t, Model>> models_;
    async::Guarded<std::deque<WorkPtr>> ready_;
    std::condition_variable_any ready_changed_;
    TensorValue stacked_;              // inference thread: reused, so that its pages stay
    Descriptor memory_figures_;        // /proc/self/statm, opened before the sandbox closes
    async::ThreadPool loader_;
    async::ThreadPool decoders_;
    std::thread inference_;
};

} // namespace millrace::inference::worker
