// The worker's work: models loaded one at a time, inputs decoded on a pool of places, forward passes on another. While
// some batches are in the runtime, the next are being decoded. Two threads read the channel, and one of
// them may run a short pass itself. The other then does nothing that takes a time depending on a model or an input: all
// others wait for it, and the daemon knows by its answers that the worker lives.
#pragma once
#include "async/guarded.hpp"

#include "base/descriptor.hpp"
#include "inference/frames/frame.hpp"
#include "inference/worker/input/preprocess.hpp"
#include "inference/worker/loading/loaded_model.hpp"
#include "inference/worker/passes/forward.hpp"
#include "inference/worker/passes/pass_pool.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>

namespace millrace::inference::worker {

struct PipelineOptions {
    int threads = 1; // that may compute at a time
    int decode_threads = 1;
};

class Pipeline {
public:
    // Called from several threads, one at a time or together.
    using Send = std::function<void(const frame::ToDaemon&)>;

    Pipeline(Runtime runtime, PipelineOptions options, Send send);
    // Never destroyed while work runs: the worker process ends as a whole.

    // From the two threads that read the channel. None of them waits for work but run(), and that in one of the two
    // threads at a time: the other reads on.
    void load(frame::Load message, std::vector<Descriptor> files);
    void unload(std::uint32_t model);
    void run(frame::Batch batch, std::vector<Descriptor> descriptors);
    void ask_tasks(std::uint64_t sequence); // answered when the tasks that models have begun until now have ended

private:
    struct Work;
    using WorkPtr = std::shared_ptr<Work>; // shared by the decoders of one batch

    void post_decoding(const WorkPtr& work);
    void decode_next(const WorkPtr& work);
    void decode_all(Work& work);
    void decode(Work& work, std::size_t index) noexcept;
    DecodedInput read_input(Work& work, std::size_t index);
    void forward(Work& work);
    void infer(const WorkPtr& work);
    void finish(const WorkPtr& work);
    frame::Done conclude(Work& work); // gives back what the batch held
    [[noreturn]] void lose_device(const std::string& why);

    Runtime runtime_;
    PipelineOptions options_;
    Send send_;
    async::Guarded<std::map<std::uint32_t, LoadedModel>> models_;
    Neighbours neighbours_;
    Descriptor memory_figures_; // /proc/self/statm, opened before the sandbox closes
    PassPool loader_;           // one at a time, so that each can be measured, until one takes long
    PassPool decoders_;         // and what writes large maps
    PassPool passes_;
};

} // namespace millrace::inference::worker
