#include "inference/engine.hpp"

#include <array>

namespace millrace::inference {

std::filesystem::path find_runtime() {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const auto here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    constexpr const char* module = "libmillrace_torch.so";
    for (const auto& folder : {here / "../lib/millrace", fs::path{"/usr/lib/millrace"}})
        if (fs::exists(folder / module, ignored)) return fs::weakly_canonical(folder / module, ignored);
    // A build tree: runtime/NAME/ beside the folders of the programs. The official build is preferred, as in the
    // packages.
    for (auto folder = here; folder.has_relative_path(); folder = folder.parent_path()) {
        if (!fs::exists(folder / "CMakeCache.txt", ignored)) continue;
        fs::path found = folder / "runtime/official" / module;
        if (fs::exists(found, ignored)) return found;
        for (const auto& entry : fs::directory_iterator{folder / "runtime", ignored})
            if (fs::exists(entry.path() / module, ignored)) return entry.path() / module;
        break;
    }
    return {};
}

bool has_cuda(const std::filesystem::path& runtime) {
    std::error_code ignored;
    const auto folder = (runtime.empty() ? find_runtime() : runtime).parent_path();
    const auto is_in = [&](const char* place) {
        return std::filesystem::exists(folder / place / "libtorch_cuda.so", ignored);
    };
    return is_in("") || is_in("torch/lib") || is_in("torch");
}

std::vector<std::string> find_devices(const std::filesystem::path& runtime) {
    std::error_code ignored;
    std::vector<std::string> devices;
    const bool cuda = has_cuda(runtime);
    for (int i = 0; cuda && std::filesystem::exists("/dev/nvidia" + std::to_string(i), ignored); ++i)
        devices.push_back("cuda:" + std::to_string(i));
    devices.push_back("cpu");
    return devices;
}

} // namespace millrace::inference
