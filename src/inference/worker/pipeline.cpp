#include "inference/worker/pipeline.hpp"

#include "async/io_pool.hpp"
#include "inference/channel.hpp"
#include "inference/worker/postprocess.hpp"
#include "inference/worker/preprocess.hpp"

#include <fcntl.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace millrace::inference::worker {
namespace {

using Steady = std::chrono::steady_clock;

double milliseconds_since(Steady::time_point start) {
    return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

// What became of one item on its way.
struct Item {
    std::optional<TensorValue> input;                 // decoded
    std::shared_ptr<Runtime::Outputs> outputs;        // of its group, shared by the group's items
    std::size_t position = 0, group = 0;              // index in the group, size of the group
    frame::ItemResult result;
};

// Items of one shape go through the runtime together.
std::vector<std::vector<std::size_t>> groups_by_shape(const std::vector<Item>& items) {
    std::map<model::Shape, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < items.size(); ++i)
        if (items[i].input) groups[items[i].input->shape].push_back(i);
    std::vector<std::vector<std::size_t>> list;
    for (auto& [shape, members] : groups) list.push_back(std::move(members));
    return list;
}

} // namespace

struct Pipeline::Work {
    frame::Batch batch;
    std::vector<Descriptor> files; // one an item; empty for inline bytes
    Model model;
    std::vector<Item> items;
    std::atomic<std::size_t> next{0}, left{0};
    Steady::time_point started = Steady::now();
    double decode_ms = 0;
};

Pipeline::Pipeline(Runtime runtime, PipelineOptions options, Send send)
    : runtime_{runtime}, options_{options}, send_{std::move(send)},
      memory_figures_{::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)}, loader_{"load", 1, 64},
      decoders_{"decode", static_cast<std::size_t>(options.decode_threads), 4096} {
    loader_.post([this] { (void)runtime_.prepare_thread(options_.threads); });
    inference_ = std::thread{[this] {
        async::name_this_thread("infer");
        (void)runtime_.prepare_thread(options_.threads);
        infer_forever();
    }};
}

void Pipeline::load(frame::Load message, Descriptor file) {
    auto shared = std::make_shared<std::pair<frame::Load, Descriptor>>(std::move(message),
                                                                       std::move(file)); // std::function must copy
    const bool accepted = loader_.post([this, shared] { send_(load_now(shared->first, shared->second)); });
    if (!accepted)
        send_(frame::Loaded{
            .model = shared->first.model, .error = "too many models are being loaded", .optimization = {}, .note = {}});
}

void Pipeline::unload(std::uint32_t model) {
    models_.lock()->erase(model);
    loader_.post([this] { runtime_.release_memory(); });
}

void Pipeline::run(frame::Batch batch, std::vector<Descriptor> descriptors) {
    auto work = std::make_shared<Work>();
    work->batch = std::move(batch);
    work->items.resize(work->batch.items.size());
    work->left = work->items.size();
    std::size_t used = 0;
    for (const auto& item : work->batch.items)
        work->files.push_back(item.source == frame::Source::descriptor && used < descriptors.size()
                                  ? std::move(descriptors[used++])
                                  : Descriptor{});
    {
        auto models = models_.lock();
        if (const auto found = models->find(work->batch.model); found != models->end()) work->model = found->second;
    }
    if (!work->model.manifest || work->items.empty()) {
        for (auto& item : work->items) item.result.outcome = frame::ItemFailure{false, "the model is not loaded"};
        return finish(work);
    }
    const auto helpers = std::min<std::size_t>(static_cast<std::size_t>(options_.decode_threads), work->items.size());
    for (std::size_t i = 0; i < helpers; ++i)
        if (!decoders_.post([this, work] { decode_some(work); })) decode_some(work);
}

// Takes items of the batch until none is left; whoever decodes the last hands the batch on.
void Pipeline::decode_some(const WorkPtr& work) {
    for (;;) {
        const auto i = work->next.fetch_add(1);
        if (i >= work->items.size()) return;
        auto& item = work->items[i];
        auto& source = work->batch.items[i];
        try {
            const auto& manifest = *work->model.manifest;
            if (source.source == frame::Source::descriptor) {
                if (source.size > manifest.max_input_bytes)
                    throw InputError{fmt::format("the input has {} bytes, the model takes at most {}", source.size,
                                                 manifest.max_input_bytes)};
                auto bytes = read_exactly(work->files[i].get(), source.size);
                if (!bytes) throw std::runtime_error{"the input could not be read"};
                source.bytes = std::move(*bytes);
            }
            item.input = std::move(preprocess(source.bytes, source.media_type, manifest).tensors.front());
        } catch (const InputError& e) {
            item.result.outcome = frame::ItemFailure{true, e.what()};
        } catch (const std::exception& e) {
            item.result.outcome =
                frame::ItemFailure{false, std::string{"the input could not be prepared: "} + e.what()};
        }
        source.bytes = {};
        if (work->left.fetch_sub(1) == 1) {
            work->decode_ms = milliseconds_since(work->started);
            ready_.lock()->push_back(work);
            ready_changed_.notify_one();
        }
    }
}

void Pipeline::infer_forever() {
    for (;;) {
        WorkPtr work;
        {
            auto ready = ready_.lock();
            ready_changed_.wait(ready.mutex(), [&] { return !ready->empty(); });
            work = std::move(ready->front());
            ready->pop_front();
        }
        infer(*work);
        // Writing large maps would keep the device idle; everything else is done faster than handed over.
        const bool heavy = work->model.manifest->postprocess.kind == model::PostprocessKind::argmax_map;
        if (!heavy || !decoders_.post([this, work] { finish(work); })) finish(work);
    }
}

void Pipeline::infer(Work& work) {
    for (const auto& group : groups_by_shape(work.items)) infer_group(work, group);
}

// Runs the items in one pass; when that fails, in halves, so that one poisonous item fails alone and a batch that is
// too large for the memory still gets through.
void Pipeline::infer_group(Work& work, std::span<const std::size_t> members) {
    const auto& first = *work.items[members.front()].input;
    stacked_.datatype = first.datatype;
    stacked_.shape = first.shape;
    stacked_.shape.insert(stacked_.shape.begin(), static_cast<std::int64_t>(members.size()));
    const auto each = first.bytes.size();
    stacked_.bytes.resize(each * members.size());
    for (std::size_t i = 0; i < members.size(); ++i)
        std::memcpy(stacked_.bytes.data() + i * each, work.items[members[i]].input->bytes.data(), each);

    send_(frame::Started{work.batch.id});
    const auto start = Steady::now();
    auto outputs = runtime_.forward(*work.model.runtime, stacked_);
    const double took = milliseconds_since(start);
    if (outputs) {
        std::shared_ptr<Runtime::Outputs> shared = std::move(*outputs);
        for (std::size_t i = 0; i < members.size(); ++i) {
            auto& item = work.items[members[i]];
            item.outputs = shared;
            item.position = i;
            item.group = members.size();
            item.result.infer_ms = took;
        }
        return;
    }
    if (outputs.error().out_of_memory) runtime_.release_memory();
    if (members.size() > 1) {
        infer_group(work, members.first(members.size() / 2));
        infer_group(work, members.subspan(members.size() / 2));
        return;
    }
    auto& result = work.items[members.front()].result;
    result.outcome = frame::ItemFailure{false, outputs.error().message};
    result.batch_size = 1;
    result.infer_ms = took;
}

void Pipeline::finish(const WorkPtr& work) {
    frame::Done done{work->batch.id, work->decode_ms, {}};
    for (auto& item : work->items) {
        if (item.outputs) {
            try {
                item.result.outcome = postprocess(item.outputs->item(item.position, item.group), *work->model.manifest);
            } catch (const std::exception& e) {
                item.result.outcome = frame::ItemFailure{false, e.what()};
            }
            item.result.batch_size = static_cast<std::uint32_t>(item.group);
        }
        done.items.push_back(std::move(item.result));
    }
    send_(done);
}

} // namespace millrace::inference::worker
