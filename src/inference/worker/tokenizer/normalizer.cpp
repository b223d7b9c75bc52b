#include "inference/worker/tokenizer/normalizer.hpp"

#include "inference/worker/tokenizer/byte_level.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace millrace::inference::worker {
namespace {

constexpr std::string_view meta_space = "\xe2\x96\x81"; // U+2581
constexpr char32_t replacement = 0xfffd;

template <class Use>
void each_character(std::string_view text, Use use) {
    for (const char *at = text.data(), *const end = at + text.size(); at < end;) use(next_character(at));
}

bool is_dropped(char32_t c) { return c == replacement || (is_other(c) && c != '\t' && c != '\n' && c != '\r'); }

void bert_ascii(std::string& text, const BertNormalizing& rule) {
    std::size_t kept = 0;
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (rule.clean && (code < 0x20 || code == 0x7f)) {
            if (c == '\t' || c == '\n' || c == '\r') text[kept++] = ' ';
        } else {
            text[kept++] = rule.lowercase && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
    }
    text.resize(kept);
}

void bert(std::string& text, const BertNormalizing& rule) {
    if (is_ascii(text)) return bert_ascii(text, rule);
    std::string next;
    next.reserve(text.size() + 16);
    each_character(text, [&](char32_t c) {
        if (rule.clean && is_dropped(c)) return;
        if (rule.clean && is_space(c)) {
            next += ' ';
        } else if (rule.ideographs && is_ideograph(c)) {
            next += ' ';
            append_utf8(next, c);
            next += ' ';
        } else {
            append_utf8(next, c);
        }
    });
    if (rule.strip_accents) next = normal_form(next, NormalForm::nfd);
    if (!rule.strip_accents && !rule.lowercase) {
        text = std::move(next);
        return;
    }
    text.clear();
    each_character(next, [&](char32_t c) {
        if (c < 0x80 || !rule.strip_accents || !is_nonspacing(c)) {
            if (rule.lowercase) append_lower(text, c);
            else append_utf8(text, c);
        }
    });
}

template <class Change>
NormalizerStep by_character(Change change) {
    return [change](std::string& text) {
        std::string next;
        next.reserve(text.size());
        each_character(text, [&](char32_t c) { change(next, c); });
        text = std::move(next);
    };
}

bool is_nmt_dropped(char32_t c) {
    return (c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
}

bool is_nmt_space(char32_t c) {
    return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
           c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == replacement;
}

} // namespace

NormalizerStep bert_normalizer(BertNormalizing rule) {
    return [rule](std::string& text) { bert(text, rule); };
}

NormalizerStep form_normalizer(NormalForm form) {
    return [form](std::string& text) {
        if (!is_ascii(text)) text = normal_form(text, form);
    };
}

NormalizerStep lowercase_normalizer() {
    return by_character([](std::string& to, char32_t c) { append_lower(to, c); });
}

NormalizerStep strip_accents_normalizer() {
    return by_character([](std::string& to, char32_t c) {
        if (!is_mark(c)) append_utf8(to, c);
    });
}

NormalizerStep nmt_normalizer() {
    return by_character([](std::string& to, char32_t c) {
        if (!is_nmt_dropped(c)) append_utf8(to, is_nmt_space(c) ? U' ' : c);
    });
}

NormalizerStep strip_normalizer(bool left, bool right) {
    return [left, right](std::string& text) {
        std::size_t begin = text.size(), end = 0; // of what is no space
        for (const char *at = text.data(), *const last = at + text.size(); at < last;) {
            const auto start = static_cast<std::size_t>(at - text.data());
            if (is_space(next_character(at))) continue;
            begin = std::min(begin, start);
            end = static_cast<std::size_t>(at - text.data());
        }
        if (begin >= end) return text.clear(); // nothing but spaces
        if (right) text.resize(end);
        if (left) text.erase(0, begin);
    };
}

NormalizerStep replace_normalizer(Pattern pattern, std::string content) {
    return [pattern = std::make_shared<const Pattern>(std::move(pattern)),
            content = std::move(content)](std::string& text) { // a step must copy
        std::string next;
        std::size_t done = 0;
        pattern->each_match(text, [&](std::size_t begin, std::size_t end) {
            next.append(text, done, begin - done);
            next += content;
            done = end;
        });
        if (done == 0 && next.empty()) return;
        next.append(text, done);
        text = std::move(next);
    };
}

NormalizerStep prepend_normalizer(std::string prefix) {
    return [prefix = std::move(prefix)](std::string& text) {
        if (!text.empty()) text.insert(0, prefix);
    };
}

NormalizerStep byte_level_normalizer() {
    return [](std::string& text) {
        std::string next;
        append_byte_level(next, text);
        text = std::move(next);
    };
}

// A cluster below six bytes becomes, whole, what the shortest entry that it begins with becomes; else each character by
// itself. Hugging Face's tokenizers do it so, and the models' files were made to agree with it.
NormalizerStep charsmap_normalizer(Charsmap map) {
    return [map = std::make_shared<const Charsmap>(std::move(map))](std::string& text) {
        std::string next;
        next.reserve(text.size());
        each_grapheme(text, [&](const char* begin, const char* end) {
            if (end - begin < 6) {
                if (const auto found = map->shortest({begin, end})) {
                    next += found->second;
                    return;
                }
            }
            while (begin < end) {
                const char* start = begin;
                (void)next_character(begin);
                const auto found = map->shortest({start, begin});
                next += found ? found->second : std::string_view{start, begin};
            }
        });
        text = std::move(next);
    };
}

namespace {

// What the text begins with, as it is written afterwards, and how many bytes of it that was.
std::pair<std::string_view, std::size_t> sentence_prefix(std::string_view text, const SentenceNormalizing& rule) {
    auto node = Vocabulary::root;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < text.size() && (node = rule.user_defined.step(node, text[i])) != Vocabulary::nowhere;
         ++i)
        if (rule.user_defined.id(node) != Vocabulary::none) longest = i + 1;
    if (longest > 0) return {text.substr(0, longest), longest};
    if (rule.map)
        if (const auto found = rule.map->longest(text)) return {found->second, found->first};
    const char* at = text.data();
    (void)next_character(at);
    const auto length = static_cast<std::size_t>(at - text.data());
    return {text.substr(0, length), length};
}

void sentence(std::string& text, const SentenceNormalizing& rule) {
    const auto space = rule.escape_spaces ? meta_space : std::string_view{" "};
    std::string_view left = text;
    while (rule.join_spaces && !left.empty()) {
        const auto [written, length] = sentence_prefix(left, rule);
        if (written != " ") break;
        left.remove_prefix(length);
    }
    if (left.empty()) return text.clear();
    std::string next;
    next.reserve(left.size() + left.size() / 4 + 8);
    if (rule.dummy_prefix && !rule.space_behind) next += space;
    bool after_space = rule.join_spaces;
    while (!left.empty()) {
        auto [written, length] = sentence_prefix(left, rule);
        while (after_space && written.starts_with(' ')) written.remove_prefix(1);
        for (const char c : written) {
            if (c == ' ') next += space;
            else next += c;
        }
        if (!written.empty()) after_space = rule.join_spaces && written.ends_with(' ');
        left.remove_prefix(length);
    }
    while (rule.join_spaces && next.ends_with(space)) next.resize(next.size() - space.size());
    if (rule.dummy_prefix && rule.space_behind) next += space;
    text = std::move(next);
}

} // namespace

NormalizerStep sentence_normalizer(SentenceNormalizing rule) {
    return [rule = std::make_shared<const SentenceNormalizing>(std::move(rule))](std::string& text) {
        sentence(text, *rule);
    };
}

} // namespace millrace::inference::worker
