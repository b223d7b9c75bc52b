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
    // A build tree: runtime/NAME/ beside the folders of the programs. The official build is preferred, as in the packages.
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

} // namespace millrace::inference
