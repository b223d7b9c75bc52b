#include "values/npy.hpp"

#include <array>

namespace millrace::values {
namespace {

// In the order of Datatype.
constexpr std::array<std::string_view, 10> descriptions{"|b1", "|u1", "|i1", "<i2", "<i4",
                                                        "<i8", "<f2", "<f4", "<f8", "<f4"};

constexpr std::size_t alignment = 64; // of the data, as NumPy wants it for mapping files

std::string shape_tuple(std::span<const std::int64_t> shape) {
    std::string text = "(";
    for (const auto dimension : shape) {
        if (text.size() > 1) text += ' ';
        text += std::to_string(dimension) + ',';
    }
    if (shape.size() > 1) text.pop_back(); // only a tuple of one ends with a comma
    return text + ')';
}

} // namespace

std::string write_npy(Datatype type, std::span<const std::int64_t> shape, std::string_view bytes) {
    std::string header = "{'descr': '" + std::string{descriptions[static_cast<std::size_t>(type)]} +
                         "', 'fortran_order': False, 'shape': " + shape_tuple(shape) + ", }";
    constexpr std::size_t before = 10; // magic, version, length of the header
    const auto end = (before + header.size() + 1 + alignment - 1) / alignment * alignment;
    header.append(end - before - header.size() - 1, ' ');
    header += '\n';

    std::string file{"\x93NUMPY\x01\x00", 8};
    file.reserve(end + bytes.size());
    file += static_cast<char>(header.size() & 0xff);
    file += static_cast<char>(header.size() >> 8); // at most 8 dimensions: far below 64 KiB
    file += header;
    if (type != Datatype::bf16) return file.append(bytes);
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) file.append(2, '\0').append(bytes.substr(i, 2)); // upper half
    return file;
}

} // namespace millrace::values
