#include "inference/torch/compiled_model.hpp"

#include "inference/torch/device.hpp"
#include "inference/torch/tensor_bridge.hpp"
#include "inference/torch/torch_version.hpp"

#include <stdexcept>
#include <string_view>

// AOTIModelContainerRunner has its registry by device since 2.7; before 2.6 there are no packages.
#if MILLRACE_TORCH_AT_LEAST(2, 7)
#    include "inference/torch/memory_reader.hpp"
#    include "inference/torch/zeroed_memory.hpp"

#    include <ATen/Parallel.h>
#    include <caffe2/serialize/inline_container.h>
#    include <torch/csrc/inductor/aoti_runner/model_container_runner.h>

#    include <dlfcn.h>
#    include <fcntl.h>
#    include <sys/mman.h>
#    include <sys/utsname.h>
#    include <unistd.h>

#    include <atomic>
#endif

namespace millrace::torch_module {

bool is_compiled(const void* bytes, std::uint64_t size) {
    // Entry names stand in the clear in a zip archive's directory, which is at its end.
    const std::string_view text{static_cast<const char*>(bytes), size};
    return text.rfind("/data/aotinductor/") != std::string_view::npos;
}

#if MILLRACE_TORCH_AT_LEAST(2, 7)
namespace {

struct Package {
    std::string library, metadata; // contents
};

std::string content(caffe2::serialize::PyTorchStreamReader& reader, const std::string& name) {
    const auto [data, size] = reader.getRecord(name);
    return {static_cast<const char*>(data.get()), size};
}

bool ends_with(const std::string& text, std::string_view end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

Package read_package(const void* bytes, std::uint64_t size) {
    caffe2::serialize::PyTorchStreamReader reader{std::make_shared<MemoryReader>(bytes, size)};
    Package package;
    for (const auto& name : reader.getAllRecords()) {
        if (ends_with(name, "_weights.blob"))
            throw std::runtime_error{"the package keeps its weights beside its library; make it with "
                                     "aot_inductor.package_constants_in_so = True"};
        if (ends_with(name, ".so")) {
            if (!package.library.empty())
                throw std::runtime_error{"the package holds several models; make one of a single model"};
            package.library = content(reader, name);
        } else if (ends_with(name, "wrapper_metadata.json")) {
            package.metadata = content(reader, name);
        }
    }
    if (package.library.empty()) throw std::runtime_error{"the package has no compiled library"};
    return package;
}

// "key": "value" of a flat JSON object; empty when it is not there.
std::string member(const std::string& json, const std::string& key) {
    const auto at = json.find("\"" + key + "\"");
    if (at == std::string::npos) return {};
    const auto begin = json.find('"', json.find(':', at));
    const auto end = begin == std::string::npos ? begin : json.find('"', begin + 1);
    return end == std::string::npos ? std::string{} : json.substr(begin + 1, end - begin - 1);
}

bool processor_has(const std::string& instructions) {
#    if defined(__x86_64__)
    __builtin_cpu_init();
    if (instructions == "AVX512" || instructions == "avx512") return __builtin_cpu_supports("avx512f") != 0;
    if (instructions == "AVX2" || instructions == "avx2") return __builtin_cpu_supports("avx2") != 0;
#    endif
    return instructions.find("AMX") == std::string::npos && instructions.find("amx") == std::string::npos;
}

// A package is tied to a kind of device, of machine and of instructions.
void check(const std::string& metadata) {
    const auto wanted = member(metadata, "AOTI_DEVICE_KEY"),
               here = device::get().is_cpu() ? std::string{"cpu"} : std::string{"cuda"};
    if (!wanted.empty() && wanted != here)
        throw std::runtime_error{"the package was compiled for " + wanted + ", models run on " + here + " here"};
    utsname machine{};
    ::uname(&machine);
    if (const auto built = member(metadata, "AOTI_MACHINE"); !built.empty() && built != machine.machine)
        throw std::runtime_error{"the package was compiled for " + built + ", this machine is " + machine.machine};
    if (const auto isa = member(metadata, "AOTI_CPU_ISA"); !isa.empty() && !processor_has(isa))
        throw std::runtime_error{"the package was compiled for " + isa + " instructions, which this processor lacks"};
}

// The library in memory that has a path: the worker may write no file. dlopen() takes two libraries of one name for one
// and the same, for ever, so the same descriptor is written in another way each time.
class LibraryFile {
public:
    explicit LibraryFile(const std::string& bytes) : descriptor_{::memfd_create("model", MFD_CLOEXEC)} {
        for (std::size_t done = 0; descriptor_ >= 0 && done < bytes.size();) {
            const auto n = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
            if (n <= 0) throw std::runtime_error{"there is no memory for the package's library"};
            done += static_cast<std::size_t>(n);
        }
    }
    ~LibraryFile() { ::close(descriptor_); }
    LibraryFile(const LibraryFile&) = delete;
    LibraryFile& operator=(const LibraryFile&) = delete;

    std::string path() const {
        static std::atomic<std::uint64_t> uses{0};
        std::string text = "/proc/self/fd";
        for (auto rest = ++uses; rest > 0; rest /= 2) text += rest % 2 ? "/." : "/";
        return text + "/" + std::to_string(descriptor_);
    }

private:
    int descriptor_;
};

// A package takes and gives its tensors by their places, and all of them.
void check(const Rules& rules) {
    for (const auto& input : rules.inputs)
        if (input.argument || input.key || input.optional)
            throw std::runtime_error{"an AOTInductor package takes its inputs by their places: the input \"" +
                                     input.name + "\" can have no \"argument\" or \"key\", and cannot be optional"};
    for (const auto& output : rules.outputs)
        if (!output.path.empty())
            throw std::runtime_error{"an AOTInductor package gives its outputs by their places: the output \"" +
                                     output.name + "\" can have no \"key\""};
}

class CompiledModel final : public Model {
public:
    CompiledModel(std::unique_ptr<torch::inductor::AOTIModelContainerRunner> runner, Rules rules)
        : runner_{std::move(runner)},
          rules_{std::move(rules)} {}

    std::vector<Output> run(const std::vector<at::Tensor>& inputs) override {
        const ZeroedMemory while_running;
        const auto tensors = runner_->run(inputs);
        std::vector<Output> outputs;
        for (std::size_t i = 0; i < rules_.outputs.size(); ++i) {
            const auto& rule = rules_.outputs[i];
            if (i < tensors.size()) outputs.push_back({MR_BATCH, {presentable(tensors[i], rule.datatype)}});
            else if (rule.optional) outputs.emplace_back();
            else
                throw std::runtime_error{"the model returned " + std::to_string(tensors.size()) +
                                         " tensors, none of them is \"" + rule.name + "\""};
        }
        return outputs;
    }

private:
    std::unique_ptr<torch::inductor::AOTIModelContainerRunner> runner_;
    Rules rules_;
};

} // namespace

std::unique_ptr<Model> load_compiled(const void* bytes, std::uint64_t size, const mr_load_options& options,
                                     mr_load_report& report) {
    Rules rules{options};
    check(rules);
    const auto package = read_package(bytes, size);
    check(package.metadata);
    // The library names nothing that it needs: it finds libtorch's functions only among the names that all may see.
    for (const char* library : {"libtorch_cpu.so", "libc10.so"})
        if (!::dlopen(library, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD))
            throw std::runtime_error{std::string{library} + " is not loaded"};
    const std::string kind = device::get().is_cpu() ? "cpu" : "cuda";
    auto& makers = torch::inductor::getAOTIModelRunnerRegistry();
    const auto maker = makers.find(kind);
    if (maker == makers.end())
        throw std::runtime_error{"this runtime's libtorch cannot run AOTInductor packages on " + kind};
    const LibraryFile file{package.library};
    const auto passes = static_cast<std::size_t>(std::clamp(at::get_num_threads(), 1, 16)); // that may run it at a time
    auto model = std::make_unique<CompiledModel>(maker->second(file.path(), passes, device::get().str(), "", false),
                                                 std::move(rules));
    report.optimization = MR_COMPILED;
    return model;
}

#else

std::unique_ptr<Model> load_compiled(const void*, std::uint64_t, const mr_load_options&, mr_load_report&) {
    throw std::runtime_error{"AOTInductor packages (.pt2) need libtorch 2.7 or later, this is " TORCH_VERSION
                             "; install the official runtime, or push a TorchScript file"};
}

#endif

} // namespace millrace::torch_module
