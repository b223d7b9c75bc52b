// Reads a pickle of a TorchScript archive as data. It knows the opcodes that torch's C++ pickler writes and no other
// (torch/csrc/jit/serialization/pickler.cpp; Python's pickletools describes each), calls nothing, and makes a tree of
// what libtorch would build. Pure. What the tree may say about weights is tensor_records.hpp's business.
//
// libtorch's own reader trusts much: a number for a function, an odd list of keys and values, a memo of four billion
// entries. So this one takes only the order in which torch writes: a container is filled at once, before anything
// refers to it, and memo entries are numbered as they come. Nothing read by it has a cycle.
#pragma once
#include "base/result.hpp"
#include "inference/archive/torch_global.hpp"

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::inference {

struct PickleLimits {
    std::size_t bytes = std::size_t{64} << 20;
    std::size_t values = std::size_t{8} << 20; // read in all, and memo entries
    std::size_t nodes = std::size_t{2} << 20;  // containers, calls, objects
    std::uint32_t depth = 1000;                // libtorch frees what it read by recursion
};

enum class PickleKind : std::uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    global,
    tuple,
    list,
    dict,
    call,
    object,
    storage
};

struct PickleValue {
    PickleKind kind = PickleKind::none;
    std::int64_t number = 0; // boolean, integer: it; real: its bits; text, global, and the rest: an index into Pickle

    double real() const { return std::bit_cast<double>(number); }
};

struct PickleNode {
    PickleKind kind = PickleKind::none;
    // tuple, list: elements. dict: key, value, key, value … call: the function (a global), its argument. object: its
    // class (a global), its state. storage: the tuple that names it.
    std::vector<PickleValue> items;
    std::uint32_t depth = 1;
    bool closed = false; // something refers to it: nothing may be added
};

struct Pickle {
    std::vector<PickleNode> nodes;       // in the order in which they were begun
    std::vector<std::string_view> texts; // into the bytes that were read
    std::vector<TorchGlobal> globals;
    PickleValue root;

    const PickleNode& node(PickleValue value) const { return nodes[static_cast<std::size_t>(value.number)]; }
    const TorchGlobal& global(PickleValue value) const { return globals[static_cast<std::size_t>(value.number)]; }
    std::string_view text(PickleValue value) const { return texts[static_cast<std::size_t>(value.number)]; }
};

// unprocessable with what is wrong and at which byte. The bytes must outlive what is returned.
Result<Pickle> read_pickle(std::string_view bytes, const PickleLimits& limits = {});

} // namespace millrace::inference
