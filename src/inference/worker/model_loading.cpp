// How the pipeline loads a model: every check that needs no runtime first, then the runtime, then the warm-up that
// finds out whether the model does what its manifest says.
#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "inference/archive_check.hpp"
#include "inference/worker/pipeline.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

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

constexpr auto warm_up_budget = std::chrono::seconds(5); // larger batches are left cold in a slow model
constexpr std::int64_t any_size_probe = 64;              // for dimensions that the manifest leaves open

class MappedFile {
public:
    explicit MappedFile(const Descriptor& file) {
        struct stat info{};
        if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0) return;
        void* at = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, file.get(), 0);
        if (at != MAP_FAILED) bytes_ = {static_cast<const char*>(at), static_cast<std::size_t>(info.st_size)};
    }
    ~MappedFile() {
        if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    std::string_view bytes() const { return bytes_; }

private:
    std::string_view bytes_;
};

template <class T>
void fill(std::vector<std::byte>& bytes) {
    std::uint32_t state = 12345;
    for (std::size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
        state = state * 1664525u + 1013904223u;
        const T value =
            std::is_floating_point_v<T> ? static_cast<T>((state >> 8) / 16777216.0) : static_cast<T>((state >> 16) & 1);
        std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof value);
    }
}

// The same numbers every time, from 0 to 1 (0 and 1 for integers, which often are indices).
std::optional<TensorValue> make_probe(const model::TensorSpec& spec, std::int64_t batch) {
    TensorValue probe{spec.datatype, spec.shape, {}};
    std::replace(probe.shape.begin(), probe.shape.end(), std::int64_t{-1}, any_size_probe);
    probe.shape.insert(probe.shape.begin(), batch);
    const auto count = model::element_count(probe.shape);
    if (!count || *count > (1u << 28)) return std::nullopt;
    probe.bytes.resize(*count * model::element_size(spec.datatype));
    if (spec.datatype == model::Datatype::fp32) fill<float>(probe.bytes);
    else if (spec.datatype == model::Datatype::fp64) fill<double>(probe.bytes);
    else if (spec.datatype == model::Datatype::int32) fill<std::int32_t>(probe.bytes);
    else if (spec.datatype == model::Datatype::int64) fill<std::int64_t>(probe.bytes);
    return probe;
}

std::uint64_t resident_bytes(const Descriptor& statm) {
    char text[128] = "";
    if (::pread(statm.get(), text, sizeof text - 1, 0) <= 0) return 0;
    unsigned long long total = 0, resident = 0;
    if (std::sscanf(text, "%llu %llu", &total, &resident) != 2) return 0;
    return resident * 4096;
}

} // namespace

frame::Loaded Pipeline::load_now(const frame::Load& message, const Descriptor& file) {
    frame::Loaded report;
    report.model = message.model;
    const auto refuse = [&](std::string why) {
        report.error = std::move(why);
        return report;
    };
    try {
        auto manifest = model::Manifest::parse(message.manifest);
        if (!manifest) return refuse(manifest.error().detail);
        const MappedFile mapped{file};
        if (mapped.bytes().empty()) return refuse("the model file cannot be read");
        const auto digest = sha256(mapped.bytes());
        if (hex(digest) != message.sha256)
            return refuse("the model file is not the one that was registered (its digest differs)");
        const auto kind = check_model_archive(std::as_bytes(std::span{mapped.bytes()}));
        if (!kind) return refuse(kind.error().detail);
        if (*kind == ArchiveKind::aotinductor)
            return refuse("this is an AOTInductor package (.pt2), and the runtime here has no loader for those; save the model with torch.jit.save");

        const auto before = resident_bytes(memory_figures_);
        const auto start = Steady::now();
        std::optional<TensorValue> probe;
        if (manifest->warm_up.enabled) probe = make_probe(manifest->inputs.front().tensor, 1);
        auto loaded = runtime_.load(mapped.bytes(), probe ? &*probe : nullptr);
        if (!loaded) return refuse("the model cannot be loaded: " + loaded.error().detail);
        report.load_ms = milliseconds_since(start);
        report.optimization = loaded->optimization;
        report.note = loaded->note;
        Model model{loaded->model, std::make_shared<const model::Manifest>(std::move(*manifest))};
        if (probe) warm_up(model, *probe, report);
        const auto after = resident_bytes(memory_figures_);
        report.memory_bytes = after > before ? after - before : 0;
        if (report.error.empty()) (*models_.lock())[message.model] = std::move(model);
        return report;
    } catch (const std::exception& e) {
        return refuse(std::string{"the model cannot be loaded: "} + e.what());
    }
}

void Pipeline::warm_up(const Model& model, const TensorValue& probe, frame::Loaded& report) {
    const auto start = Steady::now();
    std::vector<std::int64_t> sizes{1};
    for (std::int64_t size = 2; size < model.manifest->batching.max_batch; size *= 2) sizes.push_back(size);
    if (model.manifest->batching.max_batch > 1) sizes.push_back(model.manifest->batching.max_batch);
    for (const auto size : sizes) {
        const auto batch = size == 1 ? std::optional{probe} : make_probe(model.manifest->inputs.front().tensor, size);
        if (!batch || (size > 1 && Steady::now() - start > warm_up_budget)) break;
        const auto began = Steady::now();
        auto outputs = runtime_.forward(*model.runtime, *batch);
        if (!outputs && outputs.error().out_of_memory && size > 1)
            break; // smaller batches do; halving finds them again
        if (!outputs) {
            report.error = fmt::format("the model failed in its warm-up with the shape {}: {}",
                                       model::shape_text(batch->shape), outputs.error().message);
            return;
        }
        if (size == 1) {
            report.warm_up_ms = milliseconds_since(began);
            (void)postprocess((*outputs)->item(0, 1), *model.manifest); // throws where model and manifest disagree
        }
    }
}

} // namespace millrace::inference::worker
