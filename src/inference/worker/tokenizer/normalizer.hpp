// What is done to a text before it is cut into words: the steps of a tokenizer, one after another. Built once, then
// used by any thread. The text is and stays UTF-8.
#pragma once
#include "inference/worker/tokenizer/characters.hpp"
#include "inference/worker/tokenizer/charsmap.hpp"
#include "inference/worker/tokenizer/pattern.hpp"
#include "inference/worker/tokenizer/vocabulary.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

using NormalizerStep = std::function<void(std::string&)>;

struct Normalizer {
    std::vector<NormalizerStep> steps;
    void apply(std::string& text) const {
        for (const auto& step : steps) step(text);
    }
};

// BERT's: controls away and spaces plain; a space around each ideograph; NFD without its nonspacing marks; lower case.
struct BertNormalizing {
    bool clean = true, ideographs = true, strip_accents = true, lowercase = true;
};
NormalizerStep bert_normalizer(BertNormalizing rule);

NormalizerStep form_normalizer(NormalForm form);
NormalizerStep lowercase_normalizer();
NormalizerStep strip_normalizer(bool left, bool right); // spaces
NormalizerStep strip_accents_normalizer();              // every mark (M*)
NormalizerStep replace_normalizer(Pattern pattern, std::string content);
NormalizerStep prepend_normalizer(std::string prefix); // not to an empty text
NormalizerStep nmt_normalizer();                       // SentencePiece's cleaning of controls and spaces
NormalizerStep byte_level_normalizer();                // each byte becomes a character, see byte_level.hpp
NormalizerStep charsmap_normalizer(Charsmap map);      // by grapheme clusters, as Hugging Face applies it

// SentencePiece's own: the map by longest entries, spaces joined and written as U+2581. User-defined pieces are left as
// they are.
struct SentenceNormalizing {
    std::optional<Charsmap> map;
    Vocabulary user_defined;
    bool dummy_prefix = true, join_spaces = true, escape_spaces = true, space_behind = false;
};
NormalizerStep sentence_normalizer(SentenceNormalizing rule);

} // namespace millrace::inference::worker
