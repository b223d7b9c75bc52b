#include "inference/worker/input/input_form.hpp"

#include "inference/worker/image/image.hpp"
#include "inference/worker/tensor/tensor_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

namespace millrace::inference::worker {
namespace {

using values::InputKind;

// "Text/Plain; charset=utf-8" is text/plain.
std::string plain(std::string_view media_type) {
    std::string type{media_type.substr(0, media_type.find(';'))};
    type.erase(type.find_last_not_of(" \t") + 1);
    type.erase(0, type.find_first_not_of(" \t"));
    for (char& c : type)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return type;
}

template <std::size_t n>
bool among(std::string_view type, const std::string_view (&names)[n]) {
    return std::find(std::begin(names), std::end(names), type) != std::end(names);
}

constexpr std::string_view binary_names[] = {"application/octet-stream",   "binary/octet-stream",
                                             "application/x-octet-stream", "application/binary",
                                             "application/x-binary",       "application/unknown",
                                             "application/download",       "application/x-download",
                                             "application/force-download"};
constexpr std::string_view empty_names[] = {"", "application/x-www-form-urlencoded", "*/*", "unknown/unknown",
                                            "content/unknown"};
constexpr std::string_view npy_names[] = {"application/x-npy", "application/npy", "application/x-numpy",
                                          "application/numpy"};
constexpr std::string_view npz_names[] = {"application/x-npz", "application/npz", "application/zip",
                                          "application/x-zip-compressed", "application/x-zip"};
// application/vnd.ms-excel: what browsers call a .csv file on a computer with that program.
constexpr std::string_view csv_names[] = {"text/csv",
                                          "text/x-csv",
                                          "application/csv",
                                          "application/x-csv",
                                          "text/comma-separated-values",
                                          "text/tab-separated-values",
                                          "application/vnd.ms-excel"};

bool names_json(std::string_view type) {
    return type == "application/json" || type == "text/json" || type == "application/x-json" ||
           (type.starts_with("application/") && type.ends_with("+json"));
}

bool is_json(std::string_view bytes) {
    const auto first = bytes.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && (bytes[first] == '{' || bytes[first] == '[');
}

// What the bytes are when their type says nothing. Bytes of the tensor's own size are the tensor, but only where that
// was said (`binary`), a text or table is not meant, and they are not JSON that happens to be as long.
Form by_bytes(std::string_view bytes, const values::InputSpec& first, bool binary) {
    if (is_image(bytes)) return Form::image;
    if (is_npy(bytes)) return Form::npy;
    if (is_npz(bytes)) return Form::npz;
    const bool readable = first.kind == InputKind::text || first.kind == InputKind::row;
    if (binary && !readable && is_raw_size(bytes.size(), first.tensor) && !(is_json(bytes) && parse_json(bytes)))
        return Form::raw;
    if (is_json(bytes)) return Form::json;
    if (first.kind == InputKind::text) return Form::text;
    if (first.kind == InputKind::row) return Form::csv;
    return Form::raw;
}

// What the type says; none: it says nothing of use.
std::optional<Form> by_type(const std::string& type, const values::InputSpec& first) {
    if (type.starts_with("image/")) return Form::image;
    if (among(type, npy_names)) return Form::npy;
    if (among(type, npz_names)) return Form::npz;
    if (names_json(type)) return Form::json;
    if (among(type, csv_names)) return Form::csv;
    if (type.starts_with("text/") && first.kind == InputKind::text) return Form::text;
    return std::nullopt;
}

} // namespace

Form form_of(std::string_view bytes, std::string_view media_type, const values::InputSpec& first) {
    const auto type = plain(media_type);
    const bool binary = among(type, binary_names);
    const auto form = by_type(type, first);
    if (!form && (binary || among(type, empty_names))) return by_bytes(bytes, first, binary);
    if (!form && type == "text/plain") {
        const auto found = by_bytes(bytes, first, false);
        return found == Form::raw && other_image(bytes).empty() ? Form::text : found; // numbers are never a text
    }
    if (!form) throw InputError{fmt::format("inputs of the type {:.64} are not taken", type)};
    const bool agree = form == Form::image  ? is_image(bytes)
                       : form == Form::npy  ? is_npy(bytes)
                       : form == Form::npz  ? is_npz(bytes)
                       : form == Form::json ? is_json(bytes)
                                            : true;
    if (agree) return *form;
    if (form == Form::image && !other_image(bytes).empty()) throw not_an_image(bytes);
    throw InputError{fmt::format("the input is declared as {:.64}, but its content is not", type)};
}

} // namespace millrace::inference::worker
