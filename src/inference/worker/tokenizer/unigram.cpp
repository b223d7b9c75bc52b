#include "inference/worker/tokenizer/unigram.hpp"

#include "inference/worker/input/input_error.hpp"
#include "inference/worker/tokenizer/byte_pairs.hpp"
#include "inference/worker/tokenizer/characters.hpp"

#include <algorithm>
#include <limits>

namespace millrace::inference::worker {
namespace {

constexpr double unknown_penalty = 10; // below the lowest score; both references have it

} // namespace

Unigram::Unigram(Vocabulary vocabulary, UnigramRule rule) : TokenModel{std::move(vocabulary)}, rule_{std::move(rule)} {
    if (rule_.kinds.empty()) rule_.kinds.resize(rule_.scores.size(), PieceKind::normal);
    lowest_ = std::numeric_limits<double>::max();
    highest_ = -lowest_;
    for (std::size_t i = 0; i < rule_.scores.size(); ++i) {
        const auto kind = rule_.kinds[i];
        if (kind == PieceKind::normal) lowest_ = std::min(lowest_, rule_.scores[i]);
        if (kind == PieceKind::normal || kind == PieceKind::user_defined)
            highest_ = std::max(highest_, rule_.scores[i]);
    }
    if (rule_.byte_fallback) bytes_ = byte_tokens(vocabulary_);
}

void Unigram::add(std::string_view text, TokenIds& ids) const {
    if (text.empty()) return;
    if (rule_.single_precision) add_best<float>(text, ids);
    else add_best<double>(text, ids);
}

void Unigram::add_unknown(std::string_view characters, TokenIds& ids) const {
    const auto byte = [&](char c) { return bytes_[static_cast<unsigned char>(c)]; };
    if (rule_.byte_fallback &&
        std::all_of(characters.begin(), characters.end(), [&](char c) { return byte(c) != Vocabulary::none; })) {
        for (const char c : characters) ids.push_back(byte(c));
        return;
    }
    if (!rule_.unknown)
        throw InputError{
            "the text has a character that the model's vocabulary lacks, and it has no token for unknown ones"};
    ids.push_back(*rule_.unknown);
}

template <class Score>
void Unigram::add_best(std::string_view text, TokenIds& ids) const {
    struct End { // of the best way to here
        Score score = 0;
        std::int32_t start = -1;
        TokenId token = Vocabulary::none; // none: an unknown character
    };
    thread_local std::vector<End> ends;
    ends.assign(text.size() + 1, End{});
    const auto better = [&](std::size_t at, std::size_t start, Score score,
                            TokenId token) { // of equal ones the first stays
        if (ends[at].start < 0 || score > ends[at].score) ends[at] = {score, static_cast<std::int32_t>(start), token};
    };
    const auto unknown_score = static_cast<Score>(static_cast<Score>(lowest_) - static_cast<Score>(unknown_penalty));
    for (std::size_t start = 0; start < text.size();) {
        const auto so_far = ends[start].score;
        const char* behind = text.data() + start;
        (void)next_character(behind);
        const auto next = static_cast<std::size_t>(behind - text.data());
        bool single = false;
        auto node = Vocabulary::root;
        for (auto i = start; i < text.size() && (node = vocabulary_.step(node, text[i])) != Vocabulary::nowhere; ++i) {
            const auto token = vocabulary_.id(node);
            if (token == Vocabulary::none) continue;
            const auto kind = rule_.kinds[token];
            if (kind == PieceKind::unused || kind == PieceKind::other) continue;
            // A user-defined piece is always chosen.
            const auto score =
                static_cast<Score>(kind == PieceKind::user_defined ? static_cast<double>(i + 1 - start) * highest_ - 0.1
                                                                   : rule_.scores[token]);
            better(i + 1, start, score + so_far, token);
            if (i + 1 == next) single = true;
        }
        if (!single) better(next, start, static_cast<Score>(unknown_score + so_far), Vocabulary::none);
        start = next;
    }
    thread_local std::vector<std::size_t> way; // the ends of its pieces, from behind
    way.clear();
    for (auto at = text.size(); at > 0; at = static_cast<std::size_t>(ends[at].start)) way.push_back(at);
    for (std::size_t i = way.size(); i-- > 0;) {
        const auto& end = ends[way[i]];
        if (end.token != Vocabulary::none && !(rule_.unknown && end.token == *rule_.unknown)) {
            ids.push_back(end.token);
            continue;
        }
        auto last = i; // unknown characters beside each other are one
        while (last > 0 && (ends[way[last - 1]].token == Vocabulary::none ||
                            (rule_.unknown && ends[way[last - 1]].token == *rule_.unknown)))
            --last;
        const auto start = static_cast<std::size_t>(end.start);
        add_unknown(text.substr(start, way[last] - start), ids);
        i = last;
    }
}

} // namespace millrace::inference::worker
