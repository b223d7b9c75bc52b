// Archives whose pickles lie about their weights, made from a sound one: each is refused, and told why.
#include "inference/archive_check.hpp"
#include "unit/inference/archive/archive_files.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::inference;
using namespace archive_files;

namespace {

std::string reason(const std::string& bytes) {
    const auto kind = check_model_archive(std::as_bytes(std::span{bytes}));
    return kind ? std::string{name(*kind)} : kind.error().detail;
}

std::string with_pickle(const std::string& pickle) {
    auto entries = sound_entries();
    entries[0].data = pickle;
    return reason(archive(entries));
}

std::string with_tensor(const Tensor& tensor) { return with_pickle(module_of(tensor)); }

std::string real(double value) {
    std::string out = "G";
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(std::bit_cast<std::uint64_t>(value) >> shift);
    return out;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
    std::string out;
    for (const auto value : values) put(out, value);
    return out;
}

void refuses(const std::string& what, const char* said) { CHECK_MESSAGE(what.find(said) != std::string::npos, what); }

constexpr std::int64_t huge = std::int64_t{1} << 62;

} // namespace

TEST_CASE("what every torch writes is accepted: the corpus of model files") {
    int seen = 0;
    for (const auto& each : std::filesystem::recursive_directory_iterator{std::filesystem::path{MILLRACE_SOURCE_DIR} /
                                                                          "tests/data/archives"}) {
        if (each.path().extension() != ".pt") continue;
        std::ifstream in{each.path(), std::ios::binary};
        INFO(each.path().string());
        CHECK(reason({std::istreambuf_iterator<char>{in}, {}}) == "torchscript");
        ++seen;
    }
    CHECK(seen >= 50);
}

TEST_CASE("tensors inside their storages are accepted") {
    for (const auto& sound : std::vector<Tensor>{
             {},
             {.offset = 15, .sizes = {}, .strides = {}},
             {.offset = 16, .sizes = {0, 5}, .strides = {5, 1}},
             {.sizes = {1, std::int64_t{1} << 40}, .strides = {huge, 0}}, // expanded; the first stride is never taken
             {.units = 0, .sizes = {0}, .strides = {1}},
             {.key = "none", .units = 0, .sizes = {0}, .strides = {1}},
             {.type = "ByteStorage", .units = 64, .sizes = {64}, .strides = {1}},
             {.type = "ComplexDoubleStorage", .units = 4, .sizes = {4}, .strides = {1}},
             {.type = "QInt8Storage",
             .units = 64,
             .sizes = {64},
             .strides = {1},
             .how = tuple(global("torch", "per_tensor_affine") + real(0.5) + integer(3))},
             {.type = "QUInt4x2Storage",
             .units = 64,
             .sizes = {128},
             .strides = {1},
             .how = tuple(global("torch", "per_tensor_affine") + real(0.5) + integer(3))},
         })
        CHECK(with_tensor(sound) == "torchscript");
    auto uneven = sound_entries(); // a storage of bytes that was seen as one of shorts
    uneven[0].data = module_of({.type = "ShortStorage", .units = 2, .sizes = {2}, .strides = {1}});
    uneven[4].data = "12345";
    CHECK(reason(archive(uneven)) == "torchscript");
}

TEST_CASE("a record that is not what the pickle says is refused") {
    refuses(with_tensor({.units = 262'144, .sizes = {262'144}, .strides = {1}}),
            "record \"0\" has 64 bytes, but 262144 elements of Float are 1048576");
    refuses(with_tensor({.units = 17}), "record \"0\" has 64 bytes");
    refuses(with_tensor({.units = 15, .sizes = {15}, .strides = {1}}), "record \"0\" has 64 bytes");
    refuses(with_tensor({.type = "DoubleStorage"}), "16 elements of Double are 128");
    refuses(with_tensor({.type = "HalfStorage"}), "16 elements of Half are 32");
    refuses(with_tensor({.key = "1"}), "record \"1\", which holds 16 elements of Float, is missing");
    refuses(with_tensor({.key = "../version"}), "is missing");
    refuses(with_tensor({.key = std::string{"0\0", 2}}), "record \"0\\x00\", which holds");
    refuses(with_tensor({.units = -1}), "said to have -1 elements");
    refuses(with_tensor({.units = huge}), "said to have 4611686018427387904 elements");
    refuses(with_tensor({.type = "SecretStorage"}), "torch.SecretStorage");
    refuses(with_pickle(object_with(text("a") + tensor({}) + text("b") + tensor({.type = "IntStorage"}))),
            "16 elements of Float and as 16 elements of Int");
    refuses(with_pickle(object_with(text("a") + tensor({}) + text("b") +
                                    tensor({.type = "DoubleStorage", .units = 8, .sizes = {8}, .strides = {1}}))),
            "and as");
}

TEST_CASE("a tensor beyond its storage is refused") {
    refuses(with_tensor({.offset = 1}), "lies outside of its 16 elements");
    refuses(with_tensor({.sizes = {4, 5}}), "lies outside");
    refuses(with_tensor({.strides = {5, 1}}), "lies outside");
    refuses(with_tensor({.offset = -1}), "begins before its storage");
    refuses(with_tensor({.sizes = {-4, 4}}), "negative size or stride");
    refuses(with_tensor({.strides = {-4, 1}}), "negative size or stride");
    refuses(with_tensor({.sizes = {4}}), "one stride for each size");
    refuses(with_tensor({.sizes = {2, 2}, .strides = {huge, huge}}), "larger than any memory");
    refuses(with_tensor({.sizes = {huge, 8}, .strides = {0, 0}}), "larger than any memory");
    refuses(with_tensor({.offset = INT64_MAX, .sizes = {2}, .strides = {1}}), "larger than any memory");
    refuses(with_tensor({.offset = 17, .sizes = {0}, .strides = {1}}), "lies outside");
    refuses(with_tensor({.units = 0, .sizes = {1}, .strides = {1}}), "lies outside");
    refuses(with_tensor({.units = 0, .sizes = {}, .strides = {}}), "lies outside");
    refuses(with_tensor({.sizes = std::vector<std::int64_t>(65, 1), .strides = std::vector<std::int64_t>(65, 1)}),
            "too many dimensions");
}

TEST_CASE("a quantised tensor has the scales and zero points of its axis") {
    const auto channels = [](std::int64_t scales, std::int64_t zeros, std::int64_t axis,
                             const char* zero_type = "LongStorage") {
        auto entries = sound_entries();
        const auto how = tuple(
            global("torch", "per_channel_affine") +
            tensor({.type = "DoubleStorage", .key = "1", .units = 4, .sizes = {scales}, .strides = {1}}) +
            tensor({.type = zero_type, .key = "2", .units = 4, .sizes = {zeros}, .strides = {1}}) + integer(axis));
        entries[0].data =
            module_of({.type = "QInt8Storage", .units = 64, .sizes = {4, 16}, .strides = {16, 1}, .how = how});
        entries.push_back({.name = "m/data/1", .data = std::string(32, 's')});
        entries.push_back(
            {.name = "m/data/2", .data = std::string(std::string{zero_type} == "LongStorage" ? 32 : 4, '\0')});
        return reason(archive(entries));
    };
    CHECK(channels(4, 4, 0) == "torchscript");
    refuses(channels(3, 4, 0), "another number of scales or zero points");
    refuses(channels(4, 2, 0), "another number of scales or zero points");
    refuses(channels(4, 4, 1), "another number of scales or zero points");
    refuses(channels(4, 4, 2), "quantised in an unknown way");
    refuses(channels(4, 4, -1), "quantised in an unknown way");
    refuses(channels(4, 4, 0, "CharStorage"), "quantised in an unknown way");
    refuses(with_tensor({.type = "QInt8Storage", .units = 64}), "quantised or not");
    refuses(with_tensor({.how = tuple(global("torch", "per_tensor_affine") + real(1) + integer(0))}),
            "quantised or not");
}

TEST_CASE("a sparse tensor has indices within its sizes") {
    const auto coo = [](std::vector<std::int64_t> indices, const std::vector<std::int64_t>& sizes,
                        std::int64_t values = 4) {
        auto entries = sound_entries();
        entries[0].data = object_with(
            text("w") + call("torch._utils", "_rebuild_sparse_tensor",
                             integer(1) + numbers(sizes) + "\x89" +
                                 tensor({.type = "LongStorage", .key = "1", .units = 8, .sizes = {2, 4}}) +
                                 tensor({.sizes = {values}, .strides = {1}}) + call("collections", "OrderedDict", "")));
        entries.push_back({.name = "m/data/1", .data = bytes_of(indices)});
        return reason(archive(entries));
    };
    CHECK(coo({0, 1, 2, 3, 0, 1, 2, 3}, {4, 4}) == "torchscript");
    refuses(coo({0, 1, 2, 4, 0, 1, 2, 3}, {4, 4}), "index outside of its sizes");
    refuses(coo({0, 1, 2, 3, 0, 1, -1, 3}, {4, 4}), "index outside of its sizes");
    refuses(coo({0, 1, 2, 3, 0, 1, 2, 3}, {4}), "other shapes");
    refuses(coo({0, 1, 2, 3, 0, 1, 2, 3}, {4, 4}, 3), "other shapes");
    const auto csr = [](std::vector<std::int64_t> rows, std::vector<std::int64_t> columns) {
        auto entries = sound_entries();
        entries[0].data = object_with(
            text("w") + call("torch._utils", "_rebuild_sparse_tensor",
                             integer(2) + numbers({2, 3}) + "\x89" +
                                 tensor({.type = "LongStorage", .key = "1", .units = 3, .sizes = {3}, .strides = {1}}) +
                                 tensor({.type = "LongStorage", .key = "2", .units = 4, .sizes = {4}, .strides = {1}}) +
                                 tensor({.sizes = {4}, .strides = {1}}) + call("collections", "OrderedDict", "")));
        entries.push_back({.name = "m/data/1", .data = bytes_of(rows)});
        entries.push_back({.name = "m/data/2", .data = bytes_of(columns)});
        return reason(archive(entries));
    };
    CHECK(csr({0, 2, 4}, {0, 1, 1, 2}) == "torchscript");
    refuses(csr({0, 5, 4}, {0, 1, 1, 2}), "rows that do not follow each other");
    refuses(csr({1, 2, 4}, {0, 1, 1, 2}), "rows that do not follow each other");
    refuses(csr({0, 2, 3}, {0, 1, 1, 2}), "rows that do not follow each other");
    refuses(csr({0, 2, 4}, {0, 1, 1, 3}), "index outside of its sizes");
}

TEST_CASE("a pickle may hold what torch writes, and nothing that libtorch would take for something else") {
    const std::string list = "](" + integer(1) + "e";
    CHECK(with_pickle(object_with(text("l") + call("torch.jit._pickle", "build_intlist", list))) == "torchscript");
    CHECK(with_pickle(object_with(
              text("l") + call("torch.jit._pickle", "restore_type_tag", list + text("List[int]")))) == "torchscript");
    CHECK(with_pickle(object_with(text("e") + global("__torch__", "Color") + integer(2) + "R")) == "torchscript");
    refuses(with_pickle(object_with(text("l") + call("torch.jit._pickle", "build_tensorlist", list))),
            "other arguments");
    refuses(with_pickle(object_with(text("l") + call("torch.jit._pickle", "build_intlist", integer(1)))),
            "other arguments");
    refuses(with_pickle(object_with(text("l") +
                                    call("torch.jit._pickle", "restore_type_tag", list + text(std::string(300, '['))))),
            "other arguments");
    refuses(with_pickle(object_with(text("l") + call("torch.jit._pickle", "build_tensor_from_id", integer(0)))),
            "build_tensor_from_id");
    refuses(with_pickle(object_with(text("s") + storage({}))), "storage as a value");
    refuses(with_pickle(object_with(text("g") + global("torch", "FloatStorage"))), "function or class as a value");
    refuses(with_pickle(object_with(text("g") + global("__torch__", "M"))), "function or class as a value");
    const auto unnamed =
        tuple(text("storage") + integer(6) + text("0") + text("cpu") + integer(16)) + "Q"; // 6 is Float to libtorch
    refuses(with_pickle(object_with(text("t") + call("torch._utils", "_rebuild_tensor_v2",
                                                     unnamed + integer(0) + numbers({16}) + numbers({1}) + "\x89" +
                                                         call("collections", "OrderedDict", "")))),
            "names a storage in an unknown way");
    refuses(with_pickle(object_with(text("o") + global("__torch__", "N") + "}R")), "calls the class");
    refuses(with_tensor({.more = call("torch.jit._pickle", "restore_type_tag",
                                      "}(" + text("conj") + "\x88u" + text("Dict[str, bool]"))}),
            "unknown way");
}
