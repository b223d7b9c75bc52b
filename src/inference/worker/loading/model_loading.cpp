#include "inference/worker/loading/model_loading.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "inference/archive_check.hpp"
#include "inference/worker/answer.hpp"
#include "inference/worker/loading/mapped_file.hpp"
#include "inference/worker/loading/probe.hpp"
#include "inference/worker/loading/side_files.hpp"
#include "inference/worker/tensor/padding.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace millrace::inference::worker {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono_literals::operator""s;

constexpr auto warm_up_budget = 5s;      // larger batches are left cold in a slow model
constexpr double slow_pass_ms = 1500;    // where the choice of threads is not measured
constexpr double worth_narrowing = 1.10; // gain in throughput for which a pass may take longer by itself

double milliseconds_since(Steady::time_point start) {
    return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

// Runs the model as it will be run: one row, then larger batches; then with fewer threads, to see what serves more.
class WarmUp {
public:
    WarmUp(const Runtime& runtime, LoadedModel& model, int places, frame::Loaded& report)
        : runtime_{runtime},
          model_{model},
          places_{places},
          report_{report} {}

    bool run() {
        const auto start = Steady::now();
        std::vector<std::int64_t> sizes{1};
        const auto most = model_.manifest->batching.max_batch;
        for (std::int64_t size = 2; size < most; size *= 2) sizes.push_back(size);
        if (most > 1) sizes.push_back(most);
        double took = 0;
        for (const auto size : sizes) {
            const auto probe = make_probe(*model_.manifest, size);
            if (!probe || (size > 1 && Steady::now() - start > warm_up_budget)) break;
            const auto ms = pass(*probe, size == 1);
            if (!ms) {
                if (report_.error.empty()) break; // out of memory with more than one: halving finds what fits
                return false;
            }
            took = *ms;
            largest_ = size;
            if (size == 1) report_.warm_up_ms = took;
        }
        choose_threads(took);
        choose_lone_threads(took);
        return measure_texts(took);
    }

private:
    // Milliseconds of one pass.
    std::optional<double> pass(const DecodedInput& probe, bool check) {
        const auto views = views_of(probe);
        const auto began = Steady::now();
        auto outputs = runtime_.forward(*model_.runtime, views);
        const double took = milliseconds_since(began);
        if (!outputs) {
            if (!outputs.error().out_of_memory || probe.rows == 1)
                report_.error = fmt::format("the model failed in its warm-up with a batch of {}: {}", probe.rows,
                                            outputs.error().message);
            runtime_.release_memory();
            return std::nullopt;
        }
        if (check) { // throws where model and manifest disagree
            Item item;
            item.input = probe;
            item.outputs = std::move(*outputs);
            item.pass_rows = probe.rows;
            (void)answer(item, *model_.manifest, false);
        } else {
            (void)(*outputs)->views(0, probe.rows, probe.rows); // throws where a batch gives other rows than it was
        }
        return took;
    }

    void choose_threads(double took) {
        const auto& wanted = model_.manifest->execution;
        model_.threads = std::min(places_, wanted.threads > 0 ? wanted.threads : places_);
        if (wanted.instances > 0) model_.threads = std::min(model_.threads, std::max(1, places_ / wanted.instances));
        if (wanted.threads > 0 || wanted.instances > 0 || took > slow_pass_ms || places_ == 1) return;
        const auto probe = make_probe(*model_.manifest, largest_);
        double best = 0;
        for (int threads = places_; threads >= 1 && probe; threads /= 2) {
            if (!runtime_.set_threads(threads)) break;
            const auto ms = fastest(*probe);
            if (!ms) break;
            const int side_by_side = places_ / threads; // narrow passes
            const double passes_per_ms = side_by_side / *ms;
            if (best > 0 && passes_per_ms < best * worth_narrowing) continue;
            best = passes_per_ms;
            model_.threads = threads;
        }
        (void)runtime_.set_threads(places_);
    }

    // Narrow passes side by side serve most when there are many; one that is alone may be done sooner with all threads.
    void choose_lone_threads(double took) {
        const auto& wanted = model_.manifest->execution;
        model_.lone_threads = model_.threads;
        if (wanted.threads > 0 || wanted.instances > 0 || took > slow_pass_ms || model_.threads == places_) return;
        const auto probe = make_probe(*model_.manifest, 1);
        if (!probe || !runtime_.set_threads(model_.threads)) return;
        const auto narrow = fastest(*probe);
        if (!runtime_.set_threads(places_)) return;
        const auto wide = fastest(*probe);
        if (narrow && wide && *wide * worth_narrowing < *narrow) model_.lone_threads = places_;
    }

    // The longest text must go through; and what a pass costs by itself and for each token, by which batches of several
    // lengths are put into passes.
    bool measure_texts(double took) {
        const auto& inputs = model_.manifest->inputs;
        const auto text = std::ranges::find_if(inputs, is_open_text);
        if (text == inputs.end()) return true;
        const std::int64_t longest = text->text.length, short_text = std::min<std::int64_t>(8, longest),
                           long_text = std::min<std::int64_t>(128, longest);
        if (const auto probe = make_text_probe(*model_.manifest, 1, longest); probe && !pass(*probe, false)) {
            report_.error += fmt::format(" of {} tokens, as many as its \"max_length\" says", longest);
            return false;
        }
        if (took > slow_pass_ms || long_text == short_text || !runtime_.set_threads(model_.threads)) return true;
        const auto small = make_text_probe(*model_.manifest, 1, short_text),
                   large = make_text_probe(*model_.manifest, 1, long_text);
        const auto small_ms = small ? fastest(*small) : std::nullopt, large_ms = large ? fastest(*large) : std::nullopt;
        if (small_ms && large_ms && *large_ms > *small_ms) {
            const double token = (*large_ms - *small_ms) / static_cast<double>(long_text - short_text);
            model_.text_cost = {std::max(0.0, *small_ms - token * static_cast<double>(short_text)), token};
        }
        (void)runtime_.set_threads(places_);
        return true;
    }

    std::optional<double> fastest(const DecodedInput& probe) {
        std::optional<double> best;
        for (int i = 0; i < 3; ++i) {
            const auto ms = pass(probe, false);
            if (!ms) return std::nullopt;
            best = std::min(best.value_or(*ms), *ms);
        }
        return best;
    }

    const Runtime& runtime_;
    LoadedModel& model_;
    const int places_;
    frame::Loaded& report_;
    std::int64_t largest_ = 1;
};

// Without what others have left, or a model would be charged for it, or credited with it.
std::uint64_t used_bytes(const Runtime& runtime, const Descriptor& memory_figures) {
    runtime.release_memory();
    const auto device = runtime.memory();
    return device.total > 0 ? device.used : own_bytes(memory_figures);
}

Result<LoadedModel> load_checked(const Runtime& runtime, const frame::Load& message, std::span<const Descriptor> files,
                                 int places, frame::Loaded& report) {
    const auto refuse = [](std::string why) { return Error{Code::unprocessable, std::move(why)}; };
    auto manifest = values::Manifest::parse(message.manifest);
    if (!manifest) return manifest.error();
    if (files.empty()) return refuse("the model file is not there");
    const auto side = SideFiles::open(message.files, files.subspan(1));
    if (!side) return side.error();
    if (auto completed = complete(*manifest, *side); !completed) return completed.error();
    const MappedFile mapped{files.front()};
    if (mapped.bytes().empty()) return refuse("the model file cannot be read");
    if (hex(sha256(mapped.bytes())) != message.sha256)
        return refuse("the model file is not the one that was registered (its digest differs)");
    if (auto sound = check_model_archive(std::as_bytes(std::span{mapped.bytes()})); !sound) return sound.error();

    const auto start = Steady::now();
    if (auto ready = runtime.set_threads(places); !ready) return ready.error();
    std::optional<DecodedInput> probe;
    if (manifest->warm_up.enabled) probe = make_probe(*manifest, 1);
    auto loaded = runtime.load(mapped.bytes(), probe ? views_of(*probe) : std::vector<mr_tensor>{}, *manifest);
    if (!loaded) return refuse("the model cannot be loaded: " + loaded.error().detail);
    report.load_ms = milliseconds_since(start);
    report.optimization = loaded->optimization;
    report.note = loaded->note;
    report.precision = loaded->precision;
    report.channels_last = loaded->channels_last;
    LoadedModel model{loaded->model, std::make_shared<const values::Manifest>(std::move(*manifest)), places};
    if (probe && !WarmUp{runtime, model, places, report}.run()) return refuse(report.error);
    model.runtime->begin_service();
    report.threads = static_cast<std::uint32_t>(model.threads);
    report.instances = static_cast<std::uint32_t>(std::max(1, places / model.threads));
    return model;
}

} // namespace

std::uint64_t own_bytes(const Descriptor& memory_figures) {
    char text[128] = "";
    if (::pread(memory_figures.get(), text, sizeof text - 1, 0) <= 0) return 0;
    unsigned long long total = 0, resident = 0, of_files = 0;
    if (std::sscanf(text, "%llu %llu %llu", &total, &resident, &of_files) != 3 || of_files > resident) return 0;
    return (resident - of_files) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::optional<LoadedModel> load_model(const Runtime& runtime, const frame::Load& message,
                                      std::span<const Descriptor> files, const Descriptor& memory_figures, int places,
                                      frame::Loaded& report) {
    const auto before = used_bytes(runtime, memory_figures);
    try {
        auto model = load_checked(runtime, message, files, places, report);
        if (model) {
            const auto after = used_bytes(runtime, memory_figures);
            report.memory_bytes = after > before ? after - before : 0;
            return std::move(*model);
        }
        report.error = model.error().detail;
    } catch (const std::exception& e) { report.error = std::string{"the model cannot be loaded: "} + e.what(); }
    runtime.release_memory();
    return std::nullopt;
}

} // namespace millrace::inference::worker
