#include "inference/worker/tokenizer/pattern.hpp"

#include "inference/worker/input/input_error.hpp"
#include "inference/worker/tokenizer/characters.hpp"
#include "inference/worker/tokenizer/file_error.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <fmt/format.h>

namespace millrace::inference::worker {
namespace {

constexpr std::size_t longest_expression = 65'536;
constexpr std::uint32_t most_steps = 10'000'000, most_heap_kib = 65'536; // of one match

std::string message_of(int error) {
    PCRE2_UCHAR8 text[256] = "";
    pcre2_get_error_message_8(error, text, sizeof text);
    return reinterpret_cast<const char*>(text);
}

struct MatchData {
    pcre2_match_data_8* data = pcre2_match_data_create_8(1, nullptr);
    pcre2_match_context_8* limits = pcre2_match_context_create_8(nullptr);
    MatchData() {
        pcre2_set_match_limit_8(limits, most_steps);
        pcre2_set_heap_limit_8(limits, most_heap_kib);
    }
    ~MatchData() {
        pcre2_match_data_free_8(data);
        pcre2_match_context_free_8(limits);
    }
    MatchData(const MatchData&) = delete;
    MatchData& operator=(const MatchData&) = delete;
};

} // namespace

struct Pattern::Compiled {
    pcre2_code_8* code = nullptr;
    Compiled() = default;
    ~Compiled() { pcre2_code_free_8(code); }
    Compiled(const Compiled&) = delete;
    Compiled& operator=(const Compiled&) = delete;
};

Pattern::Pattern(std::string_view expression, bool literal) : compiled_{std::make_unique<Compiled>()} {
    if (expression.size() > longest_expression)
        throw FileError{fmt::format("a regular expression of more than {} bytes", longest_expression)};
    int error = 0;
    PCRE2_SIZE place = 0;
    const std::uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C);
    compiled_->code = pcre2_compile_8(reinterpret_cast<PCRE2_SPTR8>(expression.data()), expression.size(), options,
                                      &error, &place, nullptr);
    if (!compiled_->code)
        throw FileError{fmt::format("the regular expression \"{:.200}\" is not understood at byte {}: {}", expression,
                                    place, message_of(error))};
    (void)pcre2_jit_compile_8(compiled_->code, PCRE2_JIT_COMPLETE); // where it cannot, it is interpreted
}

Pattern::Pattern(std::string_view expression) : Pattern{expression, false} {}
Pattern Pattern::literal(std::string_view text) { return {text, true}; }
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

bool Pattern::next(std::string_view text, Search& search, std::size_t& begin, std::size_t& end) const {
    thread_local const MatchData own;
    const auto* subject = reinterpret_cast<PCRE2_SPTR8>(text.data());
    while (search.from <= text.size()) {
        auto found =
            pcre2_match_8(compiled_->code, subject, text.size(), search.from, PCRE2_NO_UTF_CHECK, own.data, own.limits);
        if (found == PCRE2_ERROR_JIT_STACKLIMIT)
            found = pcre2_match_8(compiled_->code, subject, text.size(), search.from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                                  own.data, own.limits);
        if (found == PCRE2_ERROR_NOMATCH) break;
        if (found < 0) throw InputError{fmt::format("the text cannot be split into words: {}", message_of(found))};
        const auto* place = pcre2_get_ovector_pointer_8(own.data);
        begin = place[0];
        end = place[1];
        if (end < begin) throw InputError{"the text cannot be split into words: a match ends before it begins"};
        search.from = end;
        if (begin == end) { // the next one begins a character later
            if (end >= text.size()) {
                search.from = text.size() + 1;
            } else {
                const char* at = text.data() + end;
                (void)next_character(at);
                search.from = static_cast<std::size_t>(at - text.data());
            }
            if (end == search.last_end) continue;
        }
        search.last_end = end;
        return true;
    }
    search.from = text.size() + 1;
    return false;
}

} // namespace millrace::inference::worker
