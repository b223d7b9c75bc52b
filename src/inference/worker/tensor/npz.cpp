// The archives of numpy.savez: a zip file of .npy files.
#include "inference/archive/zip_archive.hpp"
#include "inference/archive/zip_content.hpp"
#include "inference/worker/tensor/tensor_value.hpp"

#include <fmt/format.h>

namespace millrace::inference::worker {
namespace {

constexpr std::uint64_t max_unpacked = 256u << 20;

} // namespace

bool is_npz(std::string_view bytes) { return bytes.starts_with("PK\x03\x04"); }

std::vector<std::pair<std::string, std::string>> unpack_npz(std::string_view bytes) {
    const ArchiveLimits limits{.max_entries = 64, .max_unpacked = max_unpacked, .max_ratio = 1100};
    const auto entries = read_zip(std::as_bytes(std::span{bytes}), limits);
    if (!entries) throw InputError{"not an acceptable .npz file: " + entries.error().detail};
    std::vector<std::pair<std::string, std::string>> arrays;
    for (const auto& entry : *entries) {
        if (!entry.name.ends_with(".npy"))
            throw InputError{fmt::format("not an acceptable .npz file: \"{}\" is no .npy file", entry.name)};
        auto array = unpack(entry); // all of them together have at most max_unpacked
        if (!array) throw InputError{"the .npz file is broken: " + array.error().detail};
        arrays.emplace_back(entry.name.substr(0, entry.name.size() - 4), std::move(*array));
    }
    return arrays;
}

} // namespace millrace::inference::worker
