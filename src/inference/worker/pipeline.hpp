// The worker's work: models loaded on one thread, inputs decoded by a pool, forward passes on the pass pool. While some
// batches are in the runtime, the next are being decoded.
#pragma once
#include "async/guarded.hpp"
#include "async/thread_pool.hpp"
#include "base/descriptor.hpp"
#include "inference/frame.hpp"
#include "inference/worker/loaded_model.hpp"
#include "inference/worker/pass_pool.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>

namespace millrace::inference::worker {

struct PipelineOptions {
    int threads = 1;         // that may compute at a time
    int decode_threads = 1;
};

class Pipeline {
public:
    // Called from several threads, one at a time or together.
    using Send = std::function<void(const frame::ToDaemon&)>;

    Pipeline(Runtime runtime, PipelineOptions options, Send send);
    // Never destroyed while work runs: the worker process ends as a whole.

    // On the thread that reads the channel, before the others: it runs passes that are shorter than a thread's change.
    void prepare_reader();
    // From the thread that reads the channel; none of them waits for work but for such a pass.
    void load(frame::Load message, std::vector<Descriptor> files);
    void unload(std::uint32_t model);
    void run(frame::Batch batch, std::vector<Descriptor> descriptors);

private:
    struct Work;
    using WorkPtr = std::shared_ptr<Work>; // shared by the decoders of one batch

    void decode_some(const WorkPtr& work);
    static bool is_short(const Work& work);
    void decode(Work& work, std::size_t index);
    void infer(const WorkPtr& work);
    void finish(const WorkPtr& work);
    [[noreturn]] void lose_device(const std::string& why);

    Runtime runtime_;
    PipelineOptions options_;
    Send send_;
    async::Guarded<std::map<std::uint32_t, LoadedModel>> models_;
    std::atomic<int> under_way_{0};    // batches
    Descriptor memory_figures_;        // /proc/self/statm, opened before the sandbox closes
    async::ThreadPool loader_;
    async::ThreadPool decoders_;
    PassPool passes_;
};

} // namespace millrace::inference::worker
