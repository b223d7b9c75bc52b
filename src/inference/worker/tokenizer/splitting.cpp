#include "inference/worker/tokenizer/splitting.hpp"

#include "inference/worker/tokenizer/byte_level.hpp"
#include "inference/worker/tokenizer/characters.hpp"

#include <memory>
#include <utility>

namespace millrace::inference::worker {
namespace {

using Span = Words::Span;

// GPT-2's: contractions, then runs of letters, of digits and of the rest with the space before them, then spaces.
constexpr std::string_view gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

struct Part { // the parts of one word, in order and without gaps
    Span span;
    bool match;
};

void add(std::vector<Span>& spans, Span span) {
    if (span.begin < span.end) spans.push_back(span);
}

// Several parts become one where their kind is the one that is merged, by `with_next` from behind.
void merge(const std::vector<Part>& parts, bool with_next, std::vector<Span>& spans) {
    std::vector<Span> merged;
    bool match_before = false;
    for (std::size_t k = 0; k < parts.size(); ++k) {
        const auto& part = parts[with_next ? parts.size() - 1 - k : k];
        const bool joins = part.match && !match_before && !merged.empty();
        if (!joins) merged.push_back(part.span);
        else if (with_next) merged.back().begin = part.span.begin;
        else merged.back().end = part.span.end;
        match_before = part.match;
    }
    for (std::size_t k = 0; k < merged.size(); ++k) add(spans, merged[with_next ? merged.size() - 1 - k : k]);
}

void apply(const std::vector<Part>& parts, Behavior behavior, std::vector<Span>& spans) {
    switch (behavior) {
    case Behavior::isolated:
        for (const auto& part : parts) add(spans, part.span);
        break;
    case Behavior::removed:
        for (const auto& part : parts)
            if (!part.match) add(spans, part.span);
        break;
    case Behavior::merged_with_previous: merge(parts, false, spans); break;
    case Behavior::merged_with_next: merge(parts, true, spans); break;
    case Behavior::contiguous: {
        std::vector<Span> merged;
        bool match_before = false;
        for (const auto& part : parts) {
            if (part.match == match_before && !merged.empty()) merged.back().end = part.span.end;
            else merged.push_back(part.span);
            match_before = part.match;
        }
        for (const auto& span : merged) add(spans, span);
        break;
    }
    }
}

// Each word by itself: `find` adds its parts.
template <class Find>
void split_each(Words& words, Behavior behavior, Find find) {
    std::vector<Span> spans;
    spans.reserve(words.spans.size() * 2);
    std::vector<Part> parts;
    for (std::size_t i = 0; i < words.spans.size(); ++i) {
        parts.clear();
        find(words.at(i), words.spans[i].begin, parts);
        apply(parts, behavior, spans);
    }
    words.spans = std::move(spans);
}

void find_pattern(const Pattern& pattern, bool invert, std::string_view word, std::size_t base,
                  std::vector<Part>& parts) {
    std::size_t done = 0;
    pattern.each_match(word, [&](std::size_t begin, std::size_t end) {
        if (done < begin) parts.push_back({{base + done, base + begin}, invert});
        parts.push_back({{base + begin, base + end}, !invert});
        done = end;
    });
    if (done < word.size()) parts.push_back({{base + done, base + word.size()}, invert});
}

template <class Is>
void find_characters(Is is, std::string_view word, std::size_t base, std::vector<Part>& parts) {
    const char *at = word.data(), *const end = at + word.size();
    const auto place = [&](const char* p) { return base + static_cast<std::size_t>(p - word.data()); };
    const char* done = at;
    while (at < end) {
        const char* start = at;
        if (!is(next_character(at))) continue;
        if (done < start) parts.push_back({{place(done), place(start)}, false});
        parts.push_back({{place(start), place(at)}, true});
        done = at;
    }
    if (done < end) parts.push_back({{place(done), place(end)}, false});
}

// Runs of characters of one class; those of class 0 are left out.
template <class ClassOf>
SplittingStep runs_of(ClassOf class_of) {
    return [class_of](Words& words) {
        std::vector<Span> spans;
        for (const auto& span : words.spans) {
            const char *at = words.text.data() + span.begin, *const end = words.text.data() + span.end;
            int before = 0;
            while (at < end) {
                const auto start = static_cast<std::size_t>(at - words.text.data());
                const int now = class_of(next_character(at));
                const auto behind = static_cast<std::size_t>(at - words.text.data());
                if (now != 0 && now == before) spans.back().end = behind;
                else if (now != 0) spans.push_back({start, behind});
                before = now;
            }
        }
        words.spans = std::move(spans);
    };
}

// The words once more, each written by `write` behind what is there.
template <class Write>
void rewrite(Words& words, Write write) {
    std::string text;
    text.reserve(words.text.size() + words.text.size() / 2 + 8);
    for (std::size_t i = 0; i < words.spans.size(); ++i) {
        const auto begin = text.size();
        write(text, words.at(i), i);
        words.spans[i] = {begin, text.size()};
    }
    words.text = std::move(text);
}

} // namespace

SplittingStep bert_splitting() {
    return [](Words& words) {
        std::vector<Span> spans;
        spans.reserve(words.text.size() / 4 + 4);
        for (const auto& span : words.spans) {
            const char *at = words.text.data() + span.begin, *const end = words.text.data() + span.end;
            const auto place = [&](const char* p) { return static_cast<std::size_t>(p - words.text.data()); };
            const char* word = at;
            while (at < end) {
                const char* start = at;
                const auto c = next_character(at);
                const bool space = is_space(c);
                if (!space && !is_punctuation(c)) continue;
                add(spans, {place(word), place(start)});
                if (!space) spans.push_back({place(start), place(at)});
                word = at;
            }
            add(spans, {place(word), place(end)});
        }
        words.spans = std::move(spans);
    };
}

SplittingStep byte_level_splitting(bool prefix_space, bool use_pattern) {
    static const Pattern pattern{gpt2};
    return [prefix_space, use_pattern](Words& words) {
        if (prefix_space) {
            rewrite(words, [](std::string& to, std::string_view word, std::size_t) {
                if (!word.starts_with(' ')) to += ' ';
                to += word;
            });
        }
        if (use_pattern) {
            split_each(words, Behavior::isolated,
                       [](std::string_view word, std::size_t base, std::vector<Part>& parts) {
                           find_pattern(pattern, false, word, base, parts);
                       });
        }
        rewrite(words, [](std::string& to, std::string_view word, std::size_t) { append_byte_level(to, word); });
    };
}

SplittingStep meta_space_splitting(char32_t replacement, Prepend prepend, bool split) {
    std::string mark;
    append_utf8(mark, replacement);
    return [replacement, mark, prepend, split](Words& words) {
        rewrite(words, [&](std::string& to, std::string_view word, std::size_t i) {
            if (!word.starts_with(' ') && !word.starts_with(mark) &&
                (prepend == Prepend::always || (prepend == Prepend::first && words.first && i == 0)))
                to += mark;
            for (const char c : word) {
                if (c == ' ') to += mark;
                else to += c;
            }
        });
        if (!split) return;
        split_each(words, Behavior::merged_with_next,
                   [&](std::string_view word, std::size_t base, std::vector<Part>& parts) {
                       find_characters([&](char32_t c) { return c == replacement; }, word, base, parts);
                   });
    };
}

SplittingStep pattern_splitting(Pattern pattern, Behavior behavior, bool invert) {
    return [pattern = std::make_shared<const Pattern>(std::move(pattern)), behavior,
            invert](Words& words) { // a step must copy
        split_each(words, behavior, [&](std::string_view word, std::size_t base, std::vector<Part>& parts) {
            find_pattern(*pattern, invert, word, base, parts);
        });
    };
}

SplittingStep character_splitting(bool (*is)(char32_t), Behavior behavior) {
    return [is, behavior](Words& words) {
        split_each(words, behavior, [is](std::string_view word, std::size_t base, std::vector<Part>& parts) {
            find_characters(is, word, base, parts);
        });
    };
}

SplittingStep one_character_splitting(char32_t delimiter) {
    return [delimiter](Words& words) {
        split_each(words, Behavior::removed,
                   [delimiter](std::string_view word, std::size_t base, std::vector<Part>& parts) {
                       find_characters([delimiter](char32_t c) { return c == delimiter; }, word, base, parts);
                   });
    };
}

SplittingStep word_splitting() {
    return runs_of([](char32_t c) { return is_word(c) ? 1 : is_space(c) ? 0 : 2; });
}

SplittingStep alphanumeric_splitting() {
    return runs_of([](char32_t c) {
        return is_space(c) || is_other(c) || is_punctuation(c) || is_symbol(c) || c == 0xfffd ? 0 : 1;
    });
}

SplittingStep length_splitting(std::size_t characters) {
    return [characters](Words& words) {
        std::vector<Span> spans;
        for (const auto& span : words.spans) {
            const char *at = words.text.data() + span.begin, *const end = words.text.data() + span.end;
            while (at < end) {
                const auto begin = static_cast<std::size_t>(at - words.text.data());
                for (std::size_t i = 0; i < characters && at < end; ++i) (void)next_character(at);
                spans.push_back({begin, static_cast<std::size_t>(at - words.text.data())});
            }
        }
        words.spans = std::move(spans);
    };
}

} // namespace millrace::inference::worker
