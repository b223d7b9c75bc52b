// SentencePiece's *.model: a protobuf message (sentencepiece_model.proto) with the pieces, how the model was trained
// and how texts are normalised. Its unigram and BPE models are read; the marks around a text are the manifest's to say.
#include "base/utf8.hpp"
#include "inference/worker/tokenizer/protobuf.hpp"
#include "inference/worker/tokenizer/scored_pairs.hpp"
#include "inference/worker/tokenizer/token_pipeline.hpp"
#include "inference/worker/tokenizer/unigram.hpp"

#include <fmt/format.h>

#include <cmath>

namespace millrace::inference::worker {
namespace {

// The numbers of the file format's fields and enumerations.
enum PieceType : std::uint64_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
enum ModelType : std::uint64_t { unigram_model = 1, bpe_model = 2, word_model = 3, character_model = 4 };

struct Trained {
    std::uint64_t model = unigram_model;
    bool space_behind = false, byte_fallback = false;
};

struct Pieces {
    Vocabulary vocabulary, user_defined;
    std::vector<float> scores;
    std::vector<PieceKind> kinds;
    std::optional<TokenId> unknown;
};

void read_piece(std::string_view message, Pieces& pieces) {
    std::string_view text;
    float score = 0;
    std::uint64_t type = normal;
    each_field(message, [&](const ProtoField& field) {
        if (field.number == 1) text = field.bytes;
        if (field.number == 2) score = field.real();
        if (field.number == 3) type = field.integer;
    });
    const auto id = static_cast<TokenId>(pieces.scores.size());
    if (text.empty() || !valid_utf8(text)) throw FileError{fmt::format("the piece {} is no text", id)};
    if (!std::isfinite(score)) throw FileError{fmt::format("the score of the piece {} is not finite", id)};
    if (pieces.vocabulary.find(text)) throw FileError{fmt::format("the piece {} is there twice", id)};
    pieces.vocabulary.add(text, id);
    pieces.scores.push_back(score);
    pieces.kinds.push_back(type == normal         ? PieceKind::normal
                           : type == user_defined ? PieceKind::user_defined
                           : type == unused       ? PieceKind::unused
                                                  : PieceKind::other);
    if (type == user_defined) pieces.user_defined.add(text, id);
    if (type == unknown && pieces.unknown) throw FileError{"there are two pieces for what is unknown"};
    if (type == unknown) pieces.unknown = id;
}

Trained read_trained(std::string_view message) {
    Trained trained;
    each_field(message, [&](const ProtoField& field) {
        if (field.number == 3) trained.model = field.integer;
        if (field.number == 24) trained.space_behind = field.truth();
        if (field.number == 35) trained.byte_fallback = field.truth();
    });
    return trained;
}

SentenceNormalizing read_normalizing(std::string_view message) {
    SentenceNormalizing rule;
    each_field(message, [&](const ProtoField& field) {
        if (field.number == 2 && !field.bytes.empty()) rule.map.emplace(field.bytes);
        if (field.number == 3) rule.dummy_prefix = field.truth();
        if (field.number == 4) rule.join_spaces = field.truth();
        if (field.number == 5) rule.escape_spaces = field.truth();
    });
    return rule;
}

std::unique_ptr<const TokenModel> make_model(Pieces pieces, const Trained& trained) {
    if (trained.model == unigram_model) {
        UnigramRule rule;
        rule.scores.assign(pieces.scores.begin(), pieces.scores.end());
        rule.kinds = std::move(pieces.kinds);
        rule.unknown = pieces.unknown;
        rule.byte_fallback = trained.byte_fallback;
        rule.single_precision = true;
        return std::make_unique<Unigram>(std::move(pieces.vocabulary), std::move(rule));
    }
    if (trained.model == bpe_model)
        return std::make_unique<ScoredPairs>(std::move(pieces.vocabulary),
                                             ScoredPairRule{std::move(pieces.scores), std::move(pieces.kinds),
                                                            *pieces.unknown, trained.byte_fallback});
    throw FileError{fmt::format("the model type {} is not supported, only unigram and BPE",
                                trained.model == word_model        ? "word"
                                : trained.model == character_model ? "char"
                                                                   : "in it")};
}

} // namespace

TokenParts read_sentence_model(std::string_view bytes, const values::TextRule& rule) {
    Pieces pieces;
    Trained trained;
    SentenceNormalizing normalizing;
    each_field(bytes, [&](const ProtoField& field) {
        if (field.number == 1) read_piece(field.bytes, pieces);
        if (field.number == 2) trained = read_trained(field.bytes);
        if (field.number == 3) normalizing = read_normalizing(field.bytes);
    });
    if (!pieces.unknown) throw FileError{"it has no piece for what is unknown, or is no SentencePiece model"};
    if (trained.byte_fallback)
        for (unsigned each = 0; each < 256; ++each)
            if (!pieces.vocabulary.find(fmt::format("<0x{:02X}>", each)))
                throw FileError{"a byte has no piece, though unknown characters are to become bytes"};
    normalizing.user_defined = std::move(pieces.user_defined);
    normalizing.space_behind = trained.space_behind;
    TokenParts parts;
    parts.normalizer.steps.push_back(sentence_normalizer(std::move(normalizing)));
    parts.model = make_model(std::move(pieces), trained);
    add_marks(parts, parts.model->vocabulary(), rule);
    return parts;
}

} // namespace millrace::inference::worker
