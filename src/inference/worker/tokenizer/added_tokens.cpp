#include "inference/worker/tokenizer/added_tokens.hpp"

#include "inference/worker/tokenizer/characters.hpp"
#include "inference/worker/tokenizer/file_error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

constexpr std::size_t longest_added = 256; // bytes; a text is looked through with it at each place

bool ends_with_word(std::string_view text) {
    if (text.empty()) return false;
    const char* at = text.data() + text.size() - 1;
    while ((*at & 0xc0) == 0x80) --at;
    return is_word(next_character(at));
}

bool begins_with_word(std::string_view text) {
    const char* at = text.data();
    return !text.empty() && is_word(next_character(at));
}

std::size_t spaces_at_start(std::string_view text) {
    const char *at = text.data(), *const end = at + text.size();
    while (at < end) {
        const char* start = at;
        if (!is_space(next_character(at))) return static_cast<std::size_t>(start - text.data());
    }
    return text.size();
}

} // namespace

void AddedTokens::Set::add(std::string_view written, AddedToken token) {
    if (written.empty()) return; // normalised away: never found
    if (written.size() > longest_added)
        throw FileError{fmt::format("an added token of {} bytes; the longest has {}", written.size(), longest_added)};
    begins[static_cast<unsigned char>(written.front())] = true;
    tokens.add(written, token.id);
    rules[token.id] = std::move(token);
}

void AddedTokens::add(AddedToken token, const Normalizer& normalizer) {
    if (token.content.empty()) return;
    contents_.add(token.content, token.id);
    if (!token.normalized) {
        const auto written = token.content;
        return raw_.add(written, std::move(token));
    }
    auto written = token.content;
    normalizer.apply(written);
    normalized_.add(written, std::move(token));
}

void AddedTokens::Set::split(std::string_view text, std::vector<Part>& parts) const {
    std::size_t done = 0;
    for (std::size_t i = 0; i < text.size();) {
        if (!begins[static_cast<unsigned char>(text[i])]) {
            ++i;
            continue;
        }
        auto node = Vocabulary::root;
        std::size_t end = i;
        auto token = Vocabulary::none;
        for (auto k = i; k < text.size() && (node = tokens.step(node, text[k])) != Vocabulary::nowhere; ++k) {
            if (tokens.id(node) == Vocabulary::none) continue;
            token = tokens.id(node);
            end = k + 1;
        }
        if (token == Vocabulary::none) {
            ++i;
            continue;
        }
        auto begin = i;
        i = end;
        const auto& rule = rules.at(token);
        if (rule.single_word && (ends_with_word(text.substr(0, begin)) || begins_with_word(text.substr(end)))) continue;
        begin = std::max(begin, done);
        if (rule.strip_left) begin = done + without_spaces_behind(text.substr(done, begin - done));
        if (rule.strip_right) end += spaces_at_start(text.substr(end));
        if (done < begin) parts.push_back({text.substr(done, begin - done), std::nullopt});
        parts.push_back({text.substr(begin, end - begin), token});
        done = end;
    }
    if (done < text.size()) parts.push_back({text.substr(done), std::nullopt});
}

} // namespace millrace::inference::worker
