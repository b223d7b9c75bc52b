// How a normalised text is cut into words: the steps of a tokenizer, one after another. Built once, then used by any
// thread.
#pragma once
#include "inference/worker/tokenizer/pattern.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

// A text and its words so far; what stands between them is left out.
struct Words {
    struct Span {
        std::size_t begin, end;
    };
    std::string text;
    std::vector<Span> spans;
    bool first = true; // of the whole input: nothing stands before it

    std::string_view at(std::size_t i) const {
        return std::string_view{text}.substr(spans[i].begin, spans[i].end - spans[i].begin);
    }
};

using SplittingStep = std::function<void(Words&)>;

struct Splitting {
    std::vector<SplittingStep> steps;
    void apply(Words& words) const {
        for (const auto& step : steps) step(words);
    }
};

// What becomes of that which was looked for: a word of its own, left out, or part of the word before or behind it;
// `contiguous`: runs of it are one word.
enum class Behavior { isolated, removed, merged_with_previous, merged_with_next, contiguous };
enum class Prepend { always, first, never };

SplittingStep bert_splitting(); // at spaces, which are left out, and around each punctuation character
SplittingStep byte_level_splitting(bool prefix_space, bool use_pattern); // GPT-2's pattern, then each byte a character
SplittingStep meta_space_splitting(char32_t replacement, Prepend prepend,
                                   bool split); // spaces become it, words begin with it
SplittingStep pattern_splitting(Pattern pattern, Behavior behavior, bool invert);
SplittingStep character_splitting(bool (*is)(char32_t), Behavior behavior);
SplittingStep one_character_splitting(char32_t delimiter);
SplittingStep word_splitting();         // \w+|[^\w\s]+
SplittingStep alphanumeric_splitting(); // runs of letters, marks and digits; symbols are none
SplittingStep length_splitting(std::size_t characters);

} // namespace millrace::inference::worker
