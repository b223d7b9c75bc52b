#include "inference/torch/device.hpp"

#include "inference/torch/tensor_bridge.hpp"
#include "inference/torch/torch_version.hpp"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/jit/passes/tensorexpr_fuser.h>
#if MILLRACE_TORCH_AT_LEAST(2, 9)
#    include <c10/core/CachingDeviceAllocator.h>
#endif

#include <dlfcn.h>
#include <malloc.h>

#include <charconv>
#include <optional>
#include <stdexcept>

namespace millrace::torch_module::device {
namespace {

at::Device opened{at::kCPU};
thread_local std::optional<c10::Stream> stream;

c10::impl::VirtualGuardImpl backend() { return c10::impl::VirtualGuardImpl{opened.type()}; }

// A libtorch that was built with LLVM (Debian's 2.6) compiles loops for the processor while a model runs. Its compiler
// does not end on some models, and no other build has it: on the processor models run the same operators everywhere.
void interpret_only() { torch::jit::setTensorExprFuserEnabled(false); }

void open_cuda(const std::string& name) {
    int index = -1;
    const char* end = name.data() + name.size();
    if (const auto [at, error] = std::from_chars(name.data() + 5, end, index);
        error != std::errc{} || at != end || index < 0)
        throw std::invalid_argument{"\"" + name + "\" names no device"};
    // Before the first question about CUDA: libtorch looks for these hooks once in the life of a process.
    if (!::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL)) {
        const char* why = ::dlerror();
        throw std::runtime_error{std::string{"this runtime has no CUDA: "} +
                                 (why ? why : "libtorch_cuda.so is missing")};
    }
    if (!at::globalContext().hasCUDA()) throw std::runtime_error{"there is no CUDA device, or no driver for it"};
    opened = at::Device{at::kCUDA, static_cast<c10::DeviceIndex>(index)};
    if (index >= backend().deviceCount())
        throw std::runtime_error{"there is no device " + name + "; there are " +
                                 std::to_string(backend().deviceCount())};
    backend().setDevice(opened);
    at::zeros({1}, at::TensorOptions{}.device(opened)); // the context is made now, before the sandbox closes
}

} // namespace

void open(const std::string& name) {
    if (name == "cpu") return interpret_only();
    if (name.rfind("cuda:", 0) != 0) throw std::invalid_argument{"\"" + name + "\" names no device"};
    open_cuda(name);
}

at::Device get() { return opened; }

void enter_thread() {
    if (opened.is_cpu() || stream) return;
    backend().setDevice(opened);
    stream = backend().getStreamFromGlobalPool(opened, false);
    backend().exchangeStream(*stream);
}

at::Tensor upload(const mr_tensor& tensor) {
    auto borrowed = borrow(tensor);
    if (opened.is_cpu()) return borrowed;
    auto pinned = at::empty(borrowed.sizes(), borrowed.options().pinned_memory(true));
    pinned.copy_(borrowed);
    return pinned.to(opened, /*non_blocking=*/true);
}

at::Tensor download(const at::Tensor& tensor) {
    if (tensor.device().is_cpu()) {
        const auto plain = tensor.contiguous();
        // A model may return what it was given: borrowed memory, which the caller uses again.
        return plain.storage().unsafeGetStorageImpl()->resizable() ? plain : plain.clone();
    }
    const auto dense = tensor.contiguous();
    auto pinned = at::empty(dense.sizes(), dense.options().device(at::kCPU).pinned_memory(true));
    pinned.copy_(dense, /*non_blocking=*/true);
    return pinned;
}

void synchronize() {
    if (stream) backend().synchronizeStream(*stream);
}

void release_memory() {
#if MILLRACE_TORCH_AT_LEAST(2, 9)
    if (!opened.is_cpu()) {
        synchronize();
        c10::getDeviceAllocator(opened.type())->emptyCache();
    }
#endif
    ::malloc_trim(0);
}

mr_memory memory() {
#if MILLRACE_TORCH_AT_LEAST(2, 9)
    if (!opened.is_cpu()) {
        const auto [free, total] = c10::getDeviceAllocator(opened.type())->getMemoryInfo(opened.index());
        return {total - free, total};
    }
#endif
    return {0, 0};
}

} // namespace millrace::torch_module::device
