#include "inference/worker/tokenizer/byte_pairs.hpp"

#include "inference/worker/tokenizer/characters.hpp"
#include "inference/worker/tokenizer/file_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <queue>

namespace millrace::inference::worker {
namespace {

constexpr std::size_t few = 24; // tokens among which the next merge is found faster by looking at all of them

} // namespace

std::array<TokenId, 256> byte_tokens(const Vocabulary& vocabulary) {
    std::array<TokenId, 256> tokens{};
    for (unsigned byte = 0; byte < 256; ++byte)
        tokens[byte] = vocabulary.find(fmt::format("<0x{:02X}>", byte)).value_or(Vocabulary::none);
    return tokens;
}

BytePairs::BytePairs(Vocabulary vocabulary, const Merges& merges, BytePairRule rule)
    : TokenModel{std::move(vocabulary)},
      rule_{std::move(rule)} {
    if (merges.size() > most_tokens) throw FileError{fmt::format("more than {} merges", most_tokens)};
    if (rule_.byte_fallback) bytes_ = byte_tokens(vocabulary_);
    std::size_t size = 16;
    while (size < merges.size() * 2) size *= 2;
    slots_.resize(size);
    mask_ = size - 1;
    for (std::uint32_t rank = 0; rank < merges.size(); ++rank) {
        const std::string& left = merges[rank].first;
        const std::string& right = merges[rank].second;
        const auto find = [&](std::string_view token) {
            const auto found = vocabulary_.find(token);
            if (!found)
                throw FileError{
                    fmt::format("the merge {} of \"{}\" and \"{}\" needs the token \"{}\", which is not there", rank,
                                left, right, token)};
            return *found;
        };
        if (right.size() < rule_.prefix.size())
            throw FileError{fmt::format("the merge {} has a right side that is shorter than the prefix", rank)};
        add_merge(find(left), find(right), {rank, find(left + right.substr(rule_.prefix.size()))});
    }
}

void BytePairs::add_merge(TokenId left, TokenId right, Merge merge) { // of a pair that comes twice the last counts
    const auto pair = static_cast<std::uint64_t>(left) << 32 | right;
    auto place = place_of(pair);
    while (slots_[place].pair != UINT64_MAX && slots_[place].pair != pair) place = (place + 1) & mask_;
    slots_[place] = {pair, merge};
}

void BytePairs::add_characters(std::string_view word, std::vector<TokenId>& tokens) const {
    const char *at = word.data(), *const end = at + word.size();
    bool unknown_before = false; // and not in `tokens` yet
    while (at < end) {
        const char* start = at;
        (void)next_character(at);
        auto node = start == word.data() ? Vocabulary::root : vocabulary_.walk(Vocabulary::root, rule_.prefix);
        if (node != Vocabulary::nowhere) node = vocabulary_.walk(node, {start, at});
        if (node != Vocabulary::nowhere && at == end) node = vocabulary_.walk(node, rule_.suffix);
        if (node != Vocabulary::nowhere && vocabulary_.id(node) != Vocabulary::none) {
            if (std::exchange(unknown_before, false)) tokens.push_back(*rule_.unknown);
            tokens.push_back(vocabulary_.id(node));
            continue;
        }
        std::string whole; // with prefix and suffix, whose bytes fall back as well
        if (rule_.byte_fallback) {
            if (start != word.data()) whole = rule_.prefix;
            whole.append(start, at);
            if (at == end) whole += rule_.suffix;
        }
        if (rule_.byte_fallback && std::all_of(whole.begin(), whole.end(), [&](char c) {
                return bytes_[static_cast<unsigned char>(c)] != Vocabulary::none;
            })) {
            for (const char c : whole) tokens.push_back(bytes_[static_cast<unsigned char>(c)]);
        } else if (rule_.unknown) {
            if (unknown_before && !rule_.join_unknown) tokens.push_back(*rule_.unknown);
            unknown_before = true;
        }
    }
    if (unknown_before) tokens.push_back(*rule_.unknown);
}

void BytePairs::merge_few(std::vector<TokenId>& tokens) const {
    std::array<Merge, few> next; // of each token with the one behind it
    auto count = tokens.size();
    for (std::size_t i = 0; i + 1 < count; ++i) next[i] = merge_of(tokens[i], tokens[i + 1]);
    while (count > 1) {
        std::size_t best = 0;
        for (std::size_t i = 1; i + 1 < count; ++i)
            if (next[i].rank < next[best].rank) best = i;
        if (next[best].rank == UINT32_MAX) break;
        tokens[best] = next[best].token;
        --count;
        for (auto i = best + 1; i < count; ++i) tokens[i] = tokens[i + 1];
        for (auto i = best + 1; i + 1 < count; ++i) next[i] = next[i + 1];
        if (best + 1 < count) next[best] = merge_of(tokens[best], tokens[best + 1]);
        if (best > 0) next[best - 1] = merge_of(tokens[best - 1], tokens[best]);
    }
    tokens.resize(count);
}

void BytePairs::merge_many(std::vector<TokenId>& tokens) const {
    struct Place {
        std::uint32_t before, behind; // nobody: UINT32_MAX
    };
    struct Candidate {
        std::uint32_t rank, left;
        TokenId token;
        bool operator>(const Candidate& other) const {
            return std::pair{rank, left} > std::pair{other.rank, other.left};
        }
    };
    constexpr auto nobody = UINT32_MAX;
    const auto count = static_cast<std::uint32_t>(tokens.size());
    std::vector<Place> places(count);
    std::vector<Candidate> first;
    for (std::uint32_t i = 0; i < count; ++i) {
        places[i] = {i == 0 ? nobody : i - 1, i + 1 == count ? nobody : i + 1};
        if (i + 1 == count) break;
        if (const auto merge = merge_of(tokens[i], tokens[i + 1]); merge.rank != UINT32_MAX)
            first.push_back({merge.rank, i, merge.token});
    }
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates{std::greater<>{},
                                                                                      std::move(first)};
    const auto offer = [&](std::uint32_t left, std::uint32_t right) {
        const auto merge = merge_of(tokens[left], tokens[right]);
        if (merge.rank != UINT32_MAX) candidates.push({merge.rank, left, merge.token});
    };
    std::vector<bool> gone(count);
    while (!candidates.empty()) {
        const auto best = candidates.top();
        candidates.pop();
        const auto right = places[best.left].behind;
        if (gone[best.left] || right == nobody || merge_of(tokens[best.left], tokens[right]).token != best.token ||
            merge_of(tokens[best.left], tokens[right]).rank == UINT32_MAX)
            continue; // one of the two has been merged meanwhile
        tokens[best.left] = best.token;
        gone[right] = true;
        const auto behind = places[best.left].behind = places[right].behind;
        if (behind != nobody) places[behind].before = best.left;
        if (const auto before = places[best.left].before; before != nobody) offer(before, best.left);
        if (behind != nobody) offer(best.left, behind);
    }
    std::size_t kept = 0;
    for (std::uint32_t i = 0; i < count; ++i)
        if (!gone[i]) tokens[kept++] = tokens[i];
    tokens.resize(kept);
}

void BytePairs::add(std::string_view word, TokenIds& ids) const {
    if (rule_.whole_words)
        if (const auto token = vocabulary_.find(word)) return ids.push_back(*token);
    thread_local std::vector<TokenId> tokens; // kept, so that a word needs no memory of its own
    tokens.clear();
    add_characters(word, tokens);
    if (tokens.size() <= few) merge_few(tokens);
    else merge_many(tokens);
    ids.insert(ids.end(), tokens.begin(), tokens.end());
}

} // namespace millrace::inference::worker
