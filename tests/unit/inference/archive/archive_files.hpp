// Zip archives made from a list of entries, and pickles made from their parts, so that tests can forge both.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace archive_files {

template <class T>
void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

struct Entry {
    std::string name, data = "x";
    std::uint16_t method = 0, flags = 0;
    std::uint32_t unpacked = UINT32_MAX; // by default the size of data
    std::string local_name = {};         // by default name
    std::uint32_t local_packed = UINT32_MAX;
    std::uint32_t offset = UINT32_MAX; // of the local header, as the directory tells it
    std::uint32_t crc = UINT32_MAX;    // by default that of data
};

inline std::string archive(const std::vector<Entry>& entries, std::uint16_t told_entries = UINT16_MAX) {
    std::string out, directory;
    for (const auto& e : entries) {
        const auto at = static_cast<std::uint32_t>(out.size());
        const auto size = static_cast<std::uint32_t>(e.data.size());
        const auto unpacked = e.unpacked == UINT32_MAX ? size : e.unpacked;
        const auto crc =
            e.crc != UINT32_MAX
                ? e.crc
                : static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(e.data.data()), size));
        const auto& local_name = e.local_name.empty() ? e.name : e.local_name;
        put(out, std::uint32_t{0x04034b50});
        for (const std::uint16_t v : {std::uint16_t{20}, e.flags, e.method, std::uint16_t{0}, std::uint16_t{0}})
            put(out, v);
        put(out, crc);
        put(out, e.local_packed == UINT32_MAX ? size : e.local_packed);
        put(out, unpacked);
        put(out, static_cast<std::uint16_t>(local_name.size()));
        put(out, std::uint16_t{0});
        out += local_name + e.data;
        put(directory, std::uint32_t{0x02014b50});
        for (const std::uint16_t v :
             {std::uint16_t{20}, std::uint16_t{20}, e.flags, e.method, std::uint16_t{0}, std::uint16_t{0}})
            put(directory, v);
        put(directory, crc);
        put(directory, size);
        put(directory, unpacked);
        put(directory, static_cast<std::uint16_t>(e.name.size()));
        for (int i = 0; i < 4; ++i) put(directory, std::uint16_t{0});
        put(directory, std::uint32_t{0});
        put(directory, e.offset == UINT32_MAX ? at : e.offset);
        directory += e.name;
    }
    const auto at = static_cast<std::uint32_t>(out.size());
    const auto count = told_entries == UINT16_MAX ? static_cast<std::uint16_t>(entries.size()) : told_entries;
    out += directory;
    put(out, std::uint32_t{0x06054b50});
    put(out, std::uint32_t{0});
    put(out, count);
    put(out, count);
    put(out, static_cast<std::uint32_t>(directory.size()));
    put(out, at);
    put(out, std::uint16_t{0});
    return out;
}

// Parts of a pickle, each a text of opcodes.

inline std::string integer(std::int64_t value) {
    std::string out = "\x8a\x08";
    put(out, value);
    return out;
}
inline std::string text(std::string_view value) {
    std::string out = "X";
    put(out, static_cast<std::uint32_t>(value.size()));
    return out.append(value);
}
inline std::string global(const std::string& module, const std::string& name) {
    return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::string& items) { return "(" + items + "t"; }
inline std::string call(const std::string& module, const std::string& name, const std::string& arguments) {
    return global(module, name) + tuple(arguments) + "R";
}
inline std::string numbers(const std::vector<std::int64_t>& values) {
    std::string items;
    for (const auto value : values) items += integer(value);
    return tuple(items);
}
inline std::string pickle(const std::string& body) { return std::string{"\x80\x02"} + body + "."; }

struct Tensor {
    std::string type = "FloatStorage", key = "0";
    std::int64_t units = 16, offset = 0;
    std::vector<std::int64_t> sizes = {4, 4}, strides = {4, 1};
    std::string more = {}; // after the hooks
    std::string how = {};  // quantised
};

inline std::string storage(const Tensor& t) {
    return tuple(text("storage") + global("torch", t.type) + text(t.key) + text("cpu") + integer(t.units)) + "Q";
}
inline std::string tensor(const Tensor& t) {
    return call("torch._utils", t.how.empty() ? "_rebuild_tensor_v2" : "_rebuild_qtensor",
                storage(t) + integer(t.offset) + numbers(t.sizes) + numbers(t.strides) + t.how + "\x89" +
                    call("collections", "OrderedDict", "") + t.more);
}
// A module with these attributes: names and values.
inline std::string object_with(const std::string& attributes) {
    return pickle(global("__torch__", "M") + ")\x81}(" + attributes + "ub");
}
inline std::string module_of(const Tensor& t) { return object_with(text("w") + tensor(t)); }

inline std::vector<Entry> sound_entries() {
    return {{.name = "m/data.pkl", .data = module_of({})},
            {.name = "m/constants.pkl", .data = pickle(")")},
            {.name = "m/version", .data = "3\n"},
            {.name = "m/code/__torch__.py"},
            {.name = "m/data/0", .data = std::string(64, 'w')}};
}

} // namespace archive_files
