#include "inference/worker/pipeline.hpp"

#include "inference/channel.hpp"
#include "inference/worker/answer.hpp"
#include "inference/worker/loading/model_loading.hpp"
#include "inference/worker/passes/forward.hpp"
#include "inference/worker/passes/spare_memory.hpp"
#include "inference/worker/tensor/padding.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <new>
#include <utility>

namespace millrace::inference::worker {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds slow_load{5}; // others load beside one that takes longer: it may hang

double milliseconds_since(Steady::time_point start) {
    return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

bool writes_maps(const LoadedModel& model) { return model.manifest->task == values::Task::pixel_classification; }

// Tensors that came ready: only checked against the manifest.
DecodedInput from_tensors(std::vector<frame::Tensor> tensors, const values::Manifest& manifest) {
    if (tensors.size() != manifest.inputs.size())
        throw InputError{
            fmt::format("the model takes {} inputs, {} were given", manifest.inputs.size(), tensors.size())};
    DecodedInput input;
    const auto first =
        std::find_if(tensors.begin(), tensors.end(), [](const frame::Tensor& tensor) { return !tensor.absent; });
    input.rows = first == tensors.end() || first->shape.empty() ? 0 : first->shape.front();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        auto& tensor = tensors[i];
        const auto& spec = manifest.inputs[i].tensor;
        if (tensor.absent && manifest.inputs[i].optional) {
            input.tensors.push_back(absent_tensor());
            continue;
        }
        if (tensor.shape.empty() || tensor.shape.front() != input.rows || input.rows < 1)
            throw InputError{
                fmt::format("input \"{}\" needs a first dimension for the batch, the same for all inputs", spec.name)};
        tensor.shape.erase(tensor.shape.begin());
        if (tensor.datatype != spec.datatype || !spec.accepts(tensor.shape))
            throw InputError{fmt::format("input \"{}\" is {} {}, the model takes {} {}", spec.name,
                                         values::name(tensor.datatype), values::shape_text(tensor.shape),
                                         values::name(spec.datatype), values::shape_text(spec.shape))};
        const auto* bytes = reinterpret_cast<const std::byte*>(tensor.bytes.data());
        input.tensors.push_back({tensor.datatype, std::move(tensor.shape), {bytes, bytes + tensor.bytes.size()}});
    }
    return input;
}

} // namespace

struct Pipeline::Work {
    frame::Batch batch;
    std::vector<Descriptor> files; // one an item; empty for inline bytes
    LoadedModel model;
    std::vector<Item> items;
    std::atomic<std::size_t> next{0}, left{0};
    Steady::time_point started = Steady::now();
    double decode_ms = 0;
    bool begun = false; // the daemon counts its time from when it was sent
};

Pipeline::Pipeline(Runtime runtime, PipelineOptions options, Send send)
    : runtime_{runtime},
      options_{options},
      send_{std::move(send)},
      memory_figures_{::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)},
      loader_{"load", 1, slow_load, [](int) {}},
      decoders_{"decode", options.decode_threads, frame::lends_places_after, [](int) {}},
      passes_{"infer", options.threads, frame::lends_places_after,
              [this](int threads) { (void)runtime_.set_threads(threads); }} {}

void Pipeline::load(frame::Load message, std::vector<Descriptor> files) {
    auto shared =
        std::make_shared<std::pair<frame::Load, std::vector<Descriptor>>>(std::move(message),
                                                                          std::move(files)); // std::function must copy
    const auto model = shared->first.model;
    loader_.add(model, 1, [this, shared] {
        frame::Loaded report;
        report.model = shared->first.model;
        if (auto loaded =
                load_model(runtime_, shared->first, shared->second, memory_figures_, options_.threads, report))
            (*models_.lock())[report.model] = std::move(*loaded);
        send_(report);
    });
}

void Pipeline::unload(std::uint32_t model) {
    // Given back on the loading thread, after the batches that still hold it, as the daemon has waited for them.
    auto gone = std::make_shared<LoadedModel>();
    if (auto models = models_.lock(); auto node = models->extract(model)) *gone = std::move(node.mapped());
    loader_.add(model, 1, [this, model, gone] {
        *gone = {};
        runtime_.release_memory();
        send_(frame::Unloaded{model, own_bytes(memory_figures_)});
    });
}

void Pipeline::ask_tasks(std::uint64_t sequence) {
    runtime_.run_aside([this, sequence] { send_(frame::Pong{sequence, true}); });
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
        (void)neighbours_.comes();
        return finish(work);
    }
    const bool quick = std::ranges::all_of(work->batch.items, frame::needs_no_decoding);
    work->begun = neighbours_.comes() && quick;
    if (quick) { // decoded on the thread of its pass: another would cost more than it does
        const bool narrow = std::max(work->model.threads, work->model.lone_threads) == 1;
        frame::Done done; // sent when the place is free again: the next batch may be here before this thread goes on
        const auto here = [&] {
            decode_all(*work);
            forward(*work);
            done = conclude(*work);
        };
        if (narrow && !writes_maps(work->model) && passes_.run_here(work->batch.model, here)) return send_(done);
        const auto there = [this, work] {
            decode_all(*work);
            infer(work);
        };
        return passes_.add(work->batch.model, work->model.threads, there, work->model.lone_threads);
    }
    const auto helpers = std::min<std::size_t>(static_cast<std::size_t>(options_.decode_threads), work->items.size());
    for (std::size_t i = 0; i < helpers; ++i) post_decoding(work);
}

// One item a turn, so that the batches of others come between.
void Pipeline::post_decoding(const WorkPtr& work) {
    decoders_.add(work->batch.model, 1, [this, work] { decode_next(work); });
}

// Whoever decodes the last item hands the batch on.
void Pipeline::decode_next(const WorkPtr& work) {
    const auto i = work->next.fetch_add(1);
    if (i >= work->items.size()) return;
    decode(*work, i);
    if (work->left.fetch_sub(1) > 1) return post_decoding(work);
    work->decode_ms = milliseconds_since(work->started);
    passes_.add(
        work->batch.model, work->model.threads, [this, work] { infer(work); }, work->model.lone_threads);
}

void Pipeline::decode_all(Work& work) {
    for (std::size_t i = 0; i < work.items.size(); ++i) decode(work, i);
    work.decode_ms = milliseconds_since(work.started);
}

void Pipeline::decode(Work& work, std::size_t index) noexcept {
    auto& item = work.items[index];
    try {
        item.input = read_input(work, index);
    } catch (const InputError& e) {
        item.result.outcome = frame::ItemFailure{true, e.what()};
    } catch (const std::bad_alloc&) {
        item.result.outcome =
            frame::ItemFailure{false, "there is not enough memory to prepare the input", false, !has_spare_memory()};
    } catch (const std::exception& e) {
        item.result.outcome = frame::ItemFailure{false, std::string{"the input could not be prepared: "} + e.what()};
    }
    work.batch.items[index].bytes = {};
}

DecodedInput Pipeline::read_input(Work& work, std::size_t index) {
    const auto& manifest = *work.model.manifest;
    auto& source = work.batch.items[index];
    DecodedInput input;
    if (source.source == frame::Source::tensors) {
        if (!source.regions.empty()) throw InputError{"parts can be taken of a picture only, and the input is tensors"};
        input = from_tensors(std::move(source.tensors), manifest);
    } else {
        if (source.source == frame::Source::descriptor) {
            if (source.size > manifest.max_input_bytes)
                throw InputError{fmt::format("the input has {} bytes, the model takes at most {}", source.size,
                                             manifest.max_input_bytes)};
            auto bytes = read_exactly(work.files[index].get(), source.size);
            if (!bytes) throw std::runtime_error{"the input could not be read"};
            source.bytes = std::move(*bytes);
        }
        input = preprocess(source.bytes, source.media_type, manifest, source.regions);
    }
    check_lengths(input, manifest);
    pad(input, manifest);
    for (const auto& tensor : input.tensors)
        work.items[index].result.tokens =
            std::max(work.items[index].result.tokens, static_cast<std::uint32_t>(tensor.tokens));
    return input;
}

void Pipeline::forward(Work& work) {
    Forward{runtime_, work.model,
            [&] {
                if (!std::exchange(work.begun, false)) send_(frame::Started{work.batch.id});
            },
            [this](const std::string& why) { lose_device(why); }, neighbours_}
        .run(work.items);
}

void Pipeline::infer(const WorkPtr& work) {
    forward(*work);
    // Writing large maps would keep the device idle; everything else is done faster than handed over.
    if (writes_maps(work->model)) return decoders_.add(work->batch.model, 1, [this, work] { finish(work); });
    finish(work);
}

void Pipeline::finish(const WorkPtr& work) { send_(conclude(*work)); }

frame::Done Pipeline::conclude(Work& work) {
    const auto start = Steady::now();
    frame::Done done{work.batch.id, work.decode_ms, 0, {}};
    for (std::size_t i = 0; i < work.items.size(); ++i) {
        auto& item = work.items[i];
        if (item.outputs) {
            try {
                item.result.outcome = answer(item, *work.model.manifest, work.batch.items[i].raw);
            } catch (const OutputError& e) {
                item.result.outcome = frame::ItemFailure{false, e.what(), true};
            } catch (const std::bad_alloc&) {
                item.result.outcome = frame::ItemFailure{false, "there is not enough memory to write the answer", false,
                                                         !has_spare_memory()};
            } catch (const std::exception& e) { item.result.outcome = frame::ItemFailure{false, e.what()}; }
        }
        done.items.push_back(std::move(item.result));
    }
    done.encode_ms = milliseconds_since(start);
    work.items.clear(); // the outputs and, unless it is used elsewhere, the model: given back before the answer
    work.model = {};
    neighbours_.is_over();
    return done;
}

void Pipeline::lose_device(const std::string& why) {
    send_(frame::Fault{"the device is lost: " + why});
    ::_exit(3);
}

} // namespace millrace::inference::worker
