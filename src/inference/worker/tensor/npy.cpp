#include "inference/worker/tensor/tensor_convert.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>

namespace millrace::inference::worker {
namespace {

constexpr std::size_t max_header = 4096; // numpy writes 118 or 54 bytes for a plain array

// The header is a Python dict literal with three known keys; only what numpy itself writes is read.
class HeaderReader {
public:
    explicit HeaderReader(std::string_view text) : rest_{text} {}

    void expect(char c) {
        skip_space();
        if (rest_.empty() || rest_.front() != c)
            throw InputError{fmt::format("the .npy header is broken ('{}' expected)", c)};
        rest_.remove_prefix(1);
    }
    bool accept(char c) {
        skip_space();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view quoted() {
        skip_space();
        const char mark = rest_.empty() ? '\0' : rest_.front();
        const auto end = mark == '\'' || mark == '"' ? rest_.find(mark, 1) : std::string_view::npos;
        if (end == std::string_view::npos) throw InputError{"the .npy header is broken (a string expected)"};
        const auto text = rest_.substr(1, end - 1);
        rest_.remove_prefix(end + 1);
        return text;
    }
    bool truth() {
        skip_space();
        for (const auto& [word, value] :
             {std::pair{std::string_view{"True"}, true}, std::pair{std::string_view{"False"}, false}})
            if (rest_.starts_with(word)) {
                rest_.remove_prefix(word.size());
                return value;
            }
        throw InputError{"the .npy header is broken (True or False expected)"};
    }
    std::int64_t integer() {
        skip_space();
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (error != std::errc{} || value < 0) throw InputError{"the .npy header is broken (a dimension expected)"};
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return value;
    }

private:
    void skip_space() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
    }
    std::string_view rest_;
};

struct Header {
    std::optional<std::string> descr;
    std::optional<bool> fortran;
    std::optional<values::Shape> shape;
};

values::Shape read_shape(HeaderReader& in) {
    values::Shape shape;
    in.expect('(');
    while (!in.accept(')')) {
        if (shape.size() == values::max_rank) throw InputError{"the .npy array has too many dimensions"};
        shape.push_back(in.integer());
        if (!in.accept(',')) {
            in.expect(')');
            break;
        }
    }
    return shape;
}

Header read_header(std::string_view text) {
    HeaderReader in{text};
    Header header;
    in.expect('{');
    while (!in.accept('}')) {
        const auto key = in.quoted();
        in.expect(':');
        if (key == "descr" && !header.descr) header.descr = std::string{in.quoted()};
        else if (key == "fortran_order" && !header.fortran) header.fortran = in.truth();
        else if (key == "shape" && !header.shape) header.shape = read_shape(in);
        else throw InputError{"the .npy header has an unknown member"};
        if (!in.accept(',')) {
            in.expect('}');
            break;
        }
    }
    if (!header.descr || !header.fortran || !header.shape)
        throw InputError{"the .npy header lacks descr, fortran_order or shape"};
    if (*header.fortran && header.shape->size() > 1)
        throw InputError{"the .npy array is in Fortran order; save numpy.ascontiguousarray(array)"};
    return header;
}

// Calls visit(T{}) for the element type that `descr` names.
template <class Visit>
void with_descr(std::string_view descr, Visit visit) {
    if (descr == "<f4") return visit(float{});
    if (descr == "<f8") return visit(double{});
    if (descr == "<f2") return visit(values::Half{});
    if (descr == "|b1") return visit(bool{});
    if (descr == "|u1") return visit(std::uint8_t{});
    if (descr == "|i1") return visit(std::int8_t{});
    if (descr == "<i2") return visit(std::int16_t{});
    if (descr == "<i4") return visit(std::int32_t{});
    if (descr == "<i8") return visit(std::int64_t{});
    if (descr == "<u2") return visit(std::uint16_t{});
    if (descr == "<u4") return visit(std::uint32_t{});
    throw InputError{fmt::format(
        "the .npy type \"{:.16}\" is not supported (float16-64, int8-64, uint8-32, bool, little-endian)", descr)};
}

template <class From, class To>
void copy_numbers(std::string_view data, std::vector<std::byte>& out) {
    const std::size_t count = data.size() / sizeof(From);
    if constexpr (std::is_same_v<From, To> && !std::is_same_v<To, bool>) {
        std::memcpy(out.data(), data.data(), data.size());
    } else {
        using Raw = std::conditional_t<std::is_same_v<From, bool>, std::uint8_t, From>; // a bool of 2 must never exist
        for (std::size_t i = 0; i < count; ++i) {
            Raw from;
            std::memcpy(&from, data.data() + i * sizeof from, sizeof from);
            To to{};
            bool fits = true;
            if constexpr (std::is_same_v<From, bool>) fits = from <= Raw{1};
            fits = fits && convert_number<To>(from, to);
            if (!fits) throw InputError{fmt::format("element {} of the .npy array does not fit the model's type", i)};
            std::memcpy(out.data() + i * sizeof to, &to, sizeof to);
        }
    }
}

} // namespace

bool is_npy(std::string_view bytes) { return bytes.starts_with("\x93NUMPY"); }

TensorRows parse_npy(std::string_view bytes, const values::TensorSpec& spec) {
    if (!is_npy(bytes)) throw InputError{"not a .npy file: it does not begin as one"};
    if (bytes.size() < 12) throw InputError{"the .npy file is truncated"};
    const auto major = static_cast<unsigned char>(bytes[6]), minor = static_cast<unsigned char>(bytes[7]);
    if ((major != 1 && major != 2) || minor != 0)
        throw InputError{fmt::format(".npy format {}.{} is not supported (1.0 and 2.0 are)", major, minor)};
    std::size_t length =
        static_cast<unsigned char>(bytes[8]) | static_cast<std::size_t>(static_cast<unsigned char>(bytes[9])) << 8;
    if (major == 2)
        length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[10])) << 16 |
                  static_cast<std::size_t>(static_cast<unsigned char>(bytes[11])) << 24;
    const std::size_t start = major == 1 ? 10 : 12;
    if (length > max_header || length > bytes.size() - start)
        throw InputError{"the .npy header is truncated or too long"};
    auto header = read_header(bytes.substr(start, length));
    const auto data = bytes.substr(start + length);

    const auto count = values::element_count(*header.shape);
    if (!count) throw InputError{"the .npy array is too large"};
    auto result = split_rows({spec.datatype, std::move(*header.shape), {}}, spec);
    with_descr(*header.descr, [&](auto from) {
        using From = decltype(from);
        if (data.size() != *count * sizeof(From))
            throw InputError{fmt::format("the .npy file has {} bytes of data, its header announces {}", data.size(),
                                         *count * sizeof(From))};
        result.value.bytes.resize(*count * values::element_size(spec.datatype));
        with_type(spec.datatype, [&](auto to) { copy_numbers<From, decltype(to)>(data, result.value.bytes); });
    });
    return result;
}

} // namespace millrace::inference::worker
