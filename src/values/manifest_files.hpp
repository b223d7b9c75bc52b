// The files that a manifest names: vocabularies, tokenizers, lists of labels. They come with the push, lie beside the
// model and belong to the version: its identity, its signature and what the worker verifies cover them. Pure.
//
// The rule: a member "file" whose value is a string names a file, wherever it stands in the manifest but inside
// "warm_up", which holds a caller's inputs. A new member that takes a file needs no change here.
#pragma once
#include "base/json.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::values {

inline constexpr std::size_t max_files = 16;                             // of one version
inline constexpr std::uint64_t max_file_bytes = std::uint64_t{64} << 20; // of each

// A file of a version.
struct FileRef {
    std::string name;
    std::string sha256; // in hex
    std::uint64_t size = 0;

    bool operator==(const FileRef&) const = default;
};
using FileRefs = std::vector<FileRef>; // by name

json::array to_json(const FileRefs& files);
Result<FileRefs> read_file_refs(std::string_view text); // what to_json() gave

// 1-64 characters of A-Z a-z 0-9 - _ . and beginning with a letter or digit; none of the names that the other files of
// an exported version have.
bool is_file_name(std::string_view name);

// By name, each once. unprocessable for a name that cannot be, and for too many.
Result<std::vector<std::string>> named_files(const json::value& manifest);

// The lines of a UTF-8 text, without their ends (LF or CRLF); the last one needs none. unprocessable, with `name`, when
// there are more than `most`, when one is longer than `longest` bytes, and for what is not UTF-8.
Result<std::vector<std::string>> lines_of(std::string_view text, std::string_view name, std::size_t most,
                                          std::size_t longest);

// "labels": {"file": NAME}: the name, or nothing.
std::string labels_file(const json::value& manifest);
// Puts the lines of that file in the place of its name, so that everything else knows one form of labels.
Result<void> put_labels(json::value& manifest, std::string_view text);

} // namespace millrace::values
