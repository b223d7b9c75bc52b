#include "base/compact_json.hpp"

#include "base/json_text.hpp"

#include <algorithm>

namespace millrace {
namespace {

constexpr std::size_t few = 16; // members that are compared in pairs; more are sorted first

} // namespace

void CompactJson::begin(std::string_view before) {
    text_.assign(before);
    keys_.clear();
    objects_.clear();
    in_string_ = false;
}

void CompactJson::separate() {
    // What was written last says whether something stands before: a string ends with its quotation mark.
    constexpr std::string_view ends_of_values = "\"]}0123456789el";
    if (!text_.empty() && ends_of_values.find(text_.back()) != std::string_view::npos) text_ += ',';
}

void CompactJson::open_object() {
    separate();
    objects_.push_back(text_.size());
    text_ += '{';
}

void CompactJson::open_array() {
    separate();
    text_ += '[';
}

bool CompactJson::distinct(std::size_t members) const {
    const auto text_of = [this](const Key& key) { return std::string_view{text_}.substr(key.begin, key.size); };
    const auto first = keys_.end() - static_cast<std::ptrdiff_t>(members);
    if (members <= few) {
        for (auto at = first; at != keys_.end(); ++at)
            if (std::any_of(first, at, [&](const Key& earlier) { return text_of(earlier) == text_of(*at); }))
                return false;
        return true;
    }
    std::vector<std::string_view> sorted;
    sorted.reserve(members);
    for (auto at = first; at != keys_.end(); ++at) sorted.push_back(text_of(*at));
    std::sort(sorted.begin(), sorted.end());
    return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
}

bool CompactJson::close_object(std::size_t members) {
    const bool good = distinct(members);
    keys_.resize(keys_.size() - members);
    objects_.pop_back();
    text_ += '}';
    return good;
}

void CompactJson::string_part(std::string_view part) {
    if (!in_string_) {
        separate();
        string_begin_ = text_.size();
        text_ += '"';
        in_string_ = true;
    }
    append_escaped(text_, part);
}

void CompactJson::string(std::string_view rest) {
    string_part(rest);
    text_ += '"';
    in_string_ = false;
}

void CompactJson::key(std::string_view rest) {
    string(rest);
    keys_.push_back(
        {static_cast<std::uint32_t>(string_begin_), static_cast<std::uint32_t>(text_.size() - string_begin_)});
    text_ += ':';
}

void CompactJson::plain(std::string_view number_or_word) {
    separate();
    text_ += number_or_word;
}

} // namespace millrace
