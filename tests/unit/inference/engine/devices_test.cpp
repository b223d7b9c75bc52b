#include "inference/engine.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace millrace;
namespace fs = std::filesystem;

namespace {

// A folder with a module, and with libtorch_cuda.so where `place` says.
struct Installation {
    fs::path folder = fs::temp_directory_path() / ("millrace-devices-" + std::to_string(::getpid()));
    explicit Installation(const std::string& place) {
        fs::create_directories(folder / place);
        if (!place.empty()) std::ofstream{folder / place / "libtorch_cuda.so"};
        std::ofstream{module()};
    }
    ~Installation() { fs::remove_all(folder); }
    fs::path module() const { return folder / "libmillrace_torch.so"; }
};

} // namespace

TEST_CASE("a CUDA build is told by its library beside the module or below torch/") {
    CHECK(!inference::has_cuda(Installation{""}.module()));
    for (const auto* place : {"./", "torch/lib", "torch"}) {
        const Installation installation{place};
        CHECK(inference::has_cuda(installation.module()));
    }
}

TEST_CASE("without a CUDA build the processor is the only device") {
    const Installation installation{""};
    CHECK(inference::find_devices(installation.module()) == std::vector<std::string>{"cpu"});
}
