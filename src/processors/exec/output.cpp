#include "processors/exec/output.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/utf8.hpp"

#include <charconv>
#include <cmath>

namespace millrace::processors {
namespace {

constexpr std::size_t longest_progress = 256;
constexpr std::size_t tail_bytes = 4096;
constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<int> percent(double value) {
    if (!(value >= 0 && value <= 100)) return std::nullopt;
    return static_cast<int>(value);
}

std::optional<int> read_progress(std::string_view line) {
    constexpr std::string_view word = "progress";
    if (line.starts_with(word)) {
        const auto number = trimmed(line.substr(word.size()));
        double value = 0;
        const auto [end, failure] =
            std::from_chars(number.data(), number.data() + number.size(), value, std::chars_format::fixed);
        const bool whole = failure == std::errc{} && end == number.data() + number.size() &&
                           line.size() > word.size() && line[word.size()] == ' ';
        return whole ? percent(value) : std::nullopt;
    }
    if (!line.starts_with('{')) return std::nullopt;
    const auto value = parse_json(line);
    const auto* object = value ? value->if_object() : nullptr;
    if (!object || object->size() != 1 || !object->contains("progress_percent")) return std::nullopt;
    const auto told = number_field(*object, "progress_percent", 0, 100);
    return told && *told ? percent(**told) : std::nullopt;
}

} // namespace

std::optional<int> Output::take(std::string_view bytes) {
    if (too_large_) return std::nullopt;
    std::optional<int> latest;
    if (!in_result_) {
        line_ += bytes;
        std::size_t at = 0;
        for (auto end = line_.find('\n', at); end != std::string::npos; end = line_.find('\n', at)) {
            const auto line = trimmed(std::string_view{line_}.substr(at, end - at));
            const auto told = read_progress(line);
            if (!told && !line.empty()) break;
            if (told) latest = told;
            at = end + 1;
        }
        line_.erase(0, at);
        if (line_.find('\n') != std::string::npos || line_.size() > longest_progress) begin_result();
    } else {
        result_ += bytes;
    }
    check_size();
    return latest;
}

void Output::check_size() {
    if (result_.size() <= max_) return;
    too_large_ = true;
    result_ = {};
}

void Output::begin_result() {
    in_result_ = true;
    result_.swap(line_);
}

void Output::end() {
    if (in_result_ || read_progress(trimmed(line_))) return;
    begin_result();
    check_size();
}

std::string Output::result() const {
    const auto value = trimmed(result_);
    if (auto text = compact_json(value)) return std::move(*text);
    return json_text(json::object{{"stdout", repaired_utf8(result_)}});
}

void ErrorTail::take(std::string_view bytes) {
    if (bytes.size() > tail_bytes) bytes.remove_prefix(bytes.size() - tail_bytes);
    if (tail_.size() + bytes.size() > tail_bytes) tail_.erase(0, tail_.size() + bytes.size() - tail_bytes);
    tail_ += bytes;
}

std::string ErrorTail::text() const {
    std::string_view text = tail_;
    // Cut in the middle of a character: its rest says nothing.
    while (tail_.size() == tail_bytes && !text.empty() && (static_cast<unsigned char>(text.front()) & 0xC0) == 0x80)
        text.remove_prefix(1);
    return repaired_utf8(trimmed(text));
}

} // namespace millrace::processors
