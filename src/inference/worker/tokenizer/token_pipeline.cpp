#include "inference/worker/tokenizer/token_pipeline.hpp"

#include "base/utf8.hpp"
#include "inference/worker/tokenizer/word_cache.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace millrace::inference::worker {
namespace {

std::uint64_t next_serial() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

class TextPipeline final : public Tokenizer {
public:
    explicit TextPipeline(TokenParts parts) : parts_{std::move(parts)}, serial_{next_serial()} {}

    Encoding encode(std::string_view text, std::optional<std::string_view> pair, std::size_t most,
                    Cut cut) const override;
    std::size_t marks(bool pair) const override { return count_marks(pair ? parts_.pair : parts_.single); }
    TokenPadding padding() const override { return parts_.padding; }
    std::optional<std::int64_t> find(std::string_view token) const override {
        if (const auto added = parts_.added.vocabulary().find(token)) return *added;
        return parts_.model->vocabulary().find(token);
    }
    std::int64_t highest() const override;

private:
    static std::size_t count_marks(const Template& parts) {
        std::size_t count = 0;
        for (const auto& part : parts) count += part.ids.size();
        return count;
    }
    void add_text(std::string_view text, std::size_t most, TokenIds& ids) const;
    void add_between(std::string_view text, bool first, std::size_t most, TokenIds& ids) const;

    TokenParts parts_;
    std::uint64_t serial_; // for the cache of words
};

std::int64_t TextPipeline::highest() const {
    std::int64_t most = std::max(parts_.model->vocabulary().highest(), parts_.added.vocabulary().highest());
    for (const auto* parts : {&parts_.single, &parts_.pair})
        for (const auto& part : *parts)
            for (const auto id : part.ids) most = std::max(most, id);
    return std::max(most, parts_.padding.id);
}

// The text between two tokens that were found in it; stops when there are `most`.
void TextPipeline::add_between(std::string_view text, bool first, std::size_t most, TokenIds& ids) const {
    Words words;
    words.text = text;
    parts_.normalizer.apply(words.text);
    const auto add_words = [&](std::size_t limit) {
        if (words.text.empty()) return;
        words.spans.assign(1, {0, words.text.size()});
        parts_.splitting.apply(words);
        thread_local WordCache cache;
        for (std::size_t i = 0; i < words.spans.size() && ids.size() < limit; ++i)
            cache.add(serial_, *parts_.model, words.at(i), ids);
    };
    if (!parts_.added.any_normalized()) {
        words.first = first;
        return add_words(most);
    }
    const std::string normalized = std::move(words.text);
    std::vector<AddedTokens::Part> found;
    parts_.added.split_normalized(normalized, found);
    for (const auto& part : found) {
        if (ids.size() >= most) return;
        if (part.token) {
            ids.push_back(*part.token);
        } else {
            words.text = part.text;
            words.first = std::exchange(first, false);
            add_words(most);
        }
        first = false;
    }
}

void TextPipeline::add_text(std::string_view text, std::size_t most, TokenIds& ids) const {
    if (!valid_utf8(text)) throw InputError{"the text is not valid UTF-8"};
    std::vector<AddedTokens::Part> found;
    parts_.added.split_raw(text, found);
    for (const auto& part : found) {
        if (ids.size() >= most) return;
        if (part.token) ids.push_back(*part.token);
        else add_between(part.text, part.text.data() == text.data(), most, ids);
    }
}

struct Lengths {
    std::size_t first, second;
};

// What is left of two texts of these lengths; as Hugging Face's truncation, which leaves the odd place to the longer
// one.
Lengths cut_lengths(Lengths is, bool pair, std::size_t most, Cut cut) {
    if (is.first + is.second <= most) return is;
    const auto beyond = is.first + is.second - most;
    if (!pair) return {most, 0};
    if (cut == Cut::only_first || cut == Cut::only_second) {
        auto& shorter = cut == Cut::only_first ? is.first : is.second;
        if (shorter <= beyond)
            throw InputError{cut == Cut::only_second ? "the first text alone is longer than the model takes"
                                                     : "the second text alone is longer than the model takes"};
        shorter -= beyond;
        return is;
    }
    const bool swapped = is.first > is.second;
    auto few = std::min(is.first, is.second);
    auto many = few > most ? few : std::max(few, most - few);
    if (few + many > most) {
        few = most / 2;
        many = few + most % 2;
    }
    return swapped ? Lengths{many, few} : Lengths{few, many};
}

void cut_to(TokenIds& ids, std::size_t length, bool left) {
    if (left && ids.size() > length) ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(length));
    ids.resize(std::min(ids.size(), length));
}

Encoding TextPipeline::encode(std::string_view text, std::optional<std::string_view> pair, std::size_t most,
                              Cut cut) const {
    const auto& order = pair ? parts_.pair : parts_.single;
    const auto added = count_marks(order);
    if (most <= added) throw InputError{"the model's length leaves no place for a text"};
    const auto room = most - added;
    // What is cut anyway need not be looked at, where the end is cut and it does not depend on both lengths.
    const auto enough = parts_.cut_left ? SIZE_MAX : room;
    TokenIds first, second;
    add_text(text, pair ? SIZE_MAX : enough, first);
    if (pair) add_text(*pair, cut == Cut::only_second && first.size() < room ? enough : SIZE_MAX, second);
    const auto lengths = cut_lengths({first.size(), second.size()}, pair.has_value(), room, cut);
    cut_to(first, lengths.first, parts_.cut_left);
    cut_to(second, lengths.second, parts_.cut_left);

    Encoding encoding;
    encoding.ids.reserve(first.size() + second.size() + added);
    encoding.types.reserve(first.size() + second.size() + added);
    for (const auto& part : order) {
        const auto& ids = part.what == TemplatePart::first    ? first
                          : part.what == TemplatePart::second ? second
                                                              : part.ids;
        encoding.ids.insert(encoding.ids.end(), ids.begin(), ids.end());
        encoding.types.insert(encoding.types.end(), ids.size(), part.type);
    }
    encoding.length = encoding.ids.size();
    return encoding;
}

} // namespace

std::shared_ptr<const Tokenizer> make_tokenizer(TokenParts parts) {
    return std::make_shared<const TextPipeline>(std::move(parts));
}

void pad(Encoding& encoding, std::size_t length, const TokenPadding& padding) {
    if (encoding.ids.size() >= length) return;
    const auto missing = length - encoding.ids.size();
    encoding.ids.insert(padding.left ? encoding.ids.begin() : encoding.ids.end(), missing, padding.id);
    encoding.types.insert(padding.left ? encoding.types.begin() : encoding.types.end(), missing, padding.type);
    if (padding.left) encoding.padded_left += missing;
}

} // namespace millrace::inference::worker
