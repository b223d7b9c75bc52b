#include "values/manifest_files.hpp"

#include "base/encoding.hpp"
#include "base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace millrace::values {
namespace {

constexpr std::size_t most_labels = 65'536, longest_label = 256; // as inline ones
constexpr std::array<std::string_view, 5> taken{"manifest.json", "model.pt", "model.pt2", "model.pt.sig",
                                                "model.pt2.sig"};

Error refusal(std::string why) { return {Code::unprocessable, "manifest: " + std::move(why)}; }

bool is_text(const json::value& value) { return value.is_string(); }

void collect(const json::value& value, std::set<std::string>& names) {
    if (const auto* array = value.if_array())
        for (const auto& each : *array) collect(each, names);
    const auto* object = value.if_object();
    if (!object) return;
    for (const auto& [key, each] : *object) {
        if (key == "file" && is_text(each)) names.emplace(each.get_string());
        else collect(each, names);
    }
}

} // namespace

json::array to_json(const FileRefs& files) {
    json::array list;
    for (const auto& file : files)
        list.push_back(json::object{{"name", file.name}, {"sha256", file.sha256}, {"size", file.size}});
    return list;
}

Result<FileRefs> read_file_refs(std::string_view text) {
    const Error broken{Code::internal, "the list of a version's files cannot be read"};
    auto value = parse_json(text);
    if (!value || !value->is_array() || value->get_array().size() > max_files) return broken;
    FileRefs files;
    for (const auto& each : value->get_array()) {
        if (!each.is_object()) return broken;
        const auto name = string_field(each.get_object(), "name"), sha256 = string_field(each.get_object(), "sha256");
        const auto size = integer_field(each.get_object(), "size", 0, static_cast<std::int64_t>(max_file_bytes));
        if (!name || !*name || !is_file_name(**name) || !sha256 || !*sha256 || !is_sha256_hex(**sha256) || !size ||
            !*size)
            return broken;
        files.push_back({**name, **sha256, static_cast<std::uint64_t>(**size)});
    }
    return files;
}

bool is_file_name(std::string_view name) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !name.empty() && name.size() <= 64 && plain(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return plain(c) || c == '-' || c == '_' || c == '.'; }) &&
           std::find(taken.begin(), taken.end(), name) == taken.end();
}

Result<std::vector<std::string>> named_files(const json::value& manifest) {
    std::set<std::string> names;
    if (const auto* root = manifest.if_object())
        for (const auto& [key, each] : *root)
            if (key != "warm_up") collect(each, names);
    for (const auto& name : names)
        if (!is_file_name(name))
            return refusal(fmt::format("\"file\": {:.80} cannot be the name of a file: 1 to 64 of A-Z a-z 0-9 - _ . "
                                       "without a folder, and not a "
                                       "name that the model or the manifest has",
                                       name));
    if (names.size() > max_files)
        return refusal(fmt::format("it names {} files, a version has at most {}", names.size(), max_files));
    return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::string>> lines_of(std::string_view text, std::string_view name, std::size_t most,
                                          std::size_t longest) {
    const auto refuse = [&](std::string why) { return Error{Code::unprocessable, fmt::format("{}: {}", name, why)}; };
    if (!valid_utf8(text)) return refuse("it is not a text in UTF-8");
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3); // a byte order mark
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (lines.size() == most) return refuse(fmt::format("it has more than {} lines", most));
        if (line.size() > longest)
            return refuse(fmt::format("line {} has more than {} bytes", lines.size() + 1, longest));
        lines.emplace_back(line);
    }
    return lines;
}

std::string labels_file(const json::value& manifest) {
    const auto* root = manifest.if_object();
    const auto* labels = root ? field(*root, "labels") : nullptr;
    const auto* named = labels && labels->is_object() ? field(labels->get_object(), "file") : nullptr;
    return named && labels->get_object().size() == 1 && is_text(*named) ? std::string{named->get_string()}
                                                                        : std::string{};
}

Result<void> put_labels(json::value& manifest, std::string_view text) {
    const auto name = labels_file(manifest);
    auto lines = lines_of(text, name, most_labels, longest_label);
    if (!lines) return lines.error();
    for (std::size_t i = 0; i < lines->size(); ++i)
        if ((*lines)[i].empty())
            return Error{Code::unprocessable, fmt::format("{}: line {} is empty; each line is a label", name, i + 1)};
    manifest.get_object()["labels"] = json::value_from(*lines);
    return success();
}

} // namespace millrace::values
