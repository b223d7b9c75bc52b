// The archives of numpy.savez: a zip file of .npy files.
#include "inference/worker/tensor_value.hpp"
#include "inference/zip_archive.hpp"

#include <zlib.h>

#include <fmt/format.h>

namespace millrace::inference::worker {
namespace {

constexpr std::uint64_t max_unpacked = 256u << 20;

std::string unpack(const ZipEntry& entry) {
    std::string out;
    if (!entry.deflated) {
        out = std::string{entry.packed};
    } else {
        out.resize(entry.unpacked); // at most max_unpacked
        z_stream stream{};
        if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc{};
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(entry.packed.data()));
        stream.avail_in = static_cast<uInt>(entry.packed.size());
        stream.next_out = reinterpret_cast<Bytef*>(out.data());
        stream.avail_out = static_cast<uInt>(out.size());
        const bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;
        inflateEnd(&stream);
        if (!whole) throw InputError{fmt::format("the .npz file is broken: \"{}\" cannot be unpacked", entry.name)};
    }
    if (crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size()) != entry.crc)
        throw InputError{fmt::format("the .npz file is broken: \"{}\" has another checksum", entry.name)};
    return out;
}

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
        arrays.emplace_back(entry.name.substr(0, entry.name.size() - 4), unpack(entry));
    }
    return arrays;
}

} // namespace millrace::inference::worker
