#include "inference/worker/tokenizer/scored_pairs.hpp"

#include "inference/worker/tokenizer/byte_pairs.hpp"
#include "inference/worker/tokenizer/characters.hpp"

#include <queue>
#include <unordered_map>

namespace millrace::inference::worker {
namespace {

constexpr std::uint32_t nobody = UINT32_MAX;
constexpr int deepest = 64; // an unused piece made of unused pieces

struct Symbol {
    std::string_view text; // empty: joined to the one before
    std::uint32_t before, behind;
    bool fixed;
};

struct Candidate {
    float score;
    std::uint32_t left, right;
    std::size_t size;
    bool operator<(const Candidate& other) const {
        return score != other.score ? score < other.score : left > other.left;
    }
};

} // namespace

struct ScoredPairs::Symbols {
    std::vector<Symbol> all;
    std::unordered_map<std::string_view, std::pair<std::string_view, std::string_view>> made_of; // of unused pieces
};

ScoredPairs::ScoredPairs(Vocabulary vocabulary, ScoredPairRule rule)
    : TokenModel{std::move(vocabulary)},
      rule_{std::move(rule)} {
    if (rule_.byte_fallback) bytes_ = byte_tokens(vocabulary_);
}

TokenId ScoredPairs::piece(std::string_view text) const {
    const auto token = vocabulary_.find(text);
    return token && rule_.kinds[*token] != PieceKind::other ? *token : Vocabulary::none;
}

// Into characters and user-defined pieces, the longest of these first.
void ScoredPairs::split(std::string_view text, Symbols& symbols) const {
    for (std::size_t start = 0; start < text.size();) {
        const char* behind = text.data() + start;
        (void)next_character(behind);
        auto end = static_cast<std::size_t>(behind - text.data());
        bool fixed = false;
        auto node = Vocabulary::root;
        for (auto i = start; i < text.size() && (node = vocabulary_.step(node, text[i])) != Vocabulary::nowhere; ++i) {
            const auto token = vocabulary_.id(node);
            if (token == Vocabulary::none || rule_.kinds[token] != PieceKind::user_defined) continue;
            end = i + 1;
            fixed = true;
        }
        const auto place = static_cast<std::uint32_t>(symbols.all.size());
        symbols.all.push_back({text.substr(start, end - start), place == 0 ? nobody : place - 1,
                               end == text.size() ? nobody : place + 1, fixed});
        start = end;
    }
}

void ScoredPairs::join(Symbols& symbols) const {
    auto& all = symbols.all;
    std::priority_queue<Candidate> candidates;
    const auto offer = [&](std::uint32_t left, std::uint32_t right) {
        if (left == nobody || right == nobody || all[left].fixed || all[right].fixed) return;
        const std::string_view both{all[left].text.data(), all[left].text.size() + all[right].text.size()};
        const auto token = piece(both);
        if (token == Vocabulary::none) return;
        candidates.push({rule_.scores[token], left, right, both.size()});
        if (rule_.kinds[token] == PieceKind::unused) symbols.made_of[both] = {all[left].text, all[right].text};
    };
    for (std::uint32_t i = 1; i < all.size(); ++i) offer(i - 1, i);
    while (!candidates.empty()) {
        const auto best = candidates.top();
        candidates.pop();
        auto &left = all[best.left], &right = all[best.right];
        if (left.text.empty() || right.text.empty() || left.text.size() + right.text.size() != best.size)
            continue; // joined meanwhile
        left.text = {left.text.data(), best.size};
        right.text = {};
        left.behind = right.behind;
        if (left.behind != nobody) all[left.behind].before = best.left;
        offer(left.before, best.left);
        offer(best.left, left.behind);
    }
}

void ScoredPairs::add_piece(std::string_view text, const Symbols& symbols, TokenIds& ids, bool& unknown_before,
                            int depth) const {
    const auto token = vocabulary_.find(text);
    if (token && rule_.kinds[*token] == PieceKind::unused && depth < deepest) {
        if (const auto parts = symbols.made_of.find(text); parts != symbols.made_of.end()) {
            add_piece(parts->second.first, symbols, ids, unknown_before, depth + 1);
            return add_piece(parts->second.second, symbols, ids, unknown_before, depth + 1);
        }
    }
    if (token && *token != rule_.unknown) {
        ids.push_back(*token);
        unknown_before = false;
    } else if (rule_.byte_fallback) {
        for (const char c : text) ids.push_back(bytes_[static_cast<unsigned char>(c)]);
    } else {
        if (!unknown_before) ids.push_back(rule_.unknown);
        unknown_before = true;
    }
}

void ScoredPairs::add(std::string_view text, TokenIds& ids) const {
    Symbols symbols;
    split(text, symbols);
    join(symbols);
    bool unknown_before = false;
    for (std::uint32_t i = 0; i < symbols.all.size() && i != nobody; i = symbols.all[i].behind)
        add_piece(symbols.all[i].text, symbols, ids, unknown_before, 0);
}

} // namespace millrace::inference::worker
