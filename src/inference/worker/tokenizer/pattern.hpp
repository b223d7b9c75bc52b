// A regular expression over UTF-8, as tokenizers split with: Perl's syntax with Unicode's classes, run by PCRE2 with
// limits, so that no text makes it run for long. Built once, then used by any thread.
#pragma once
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace millrace::inference::worker {

class Pattern {
public:
    explicit Pattern(std::string_view expression); // FileError when it is none
    static Pattern literal(std::string_view text);
    ~Pattern();
    Pattern(Pattern&&) noexcept;
    Pattern& operator=(Pattern&&) noexcept;

    // Calls `use(begin, end)` for each match, from left to right. An empty match right behind another is none.
    // InputError where it would take too long.
    template <class Use>
    void each_match(std::string_view text, Use use) const {
        Search search{0, std::string_view::npos};
        std::size_t begin = 0, end = 0;
        while (next(text, search, begin, end)) use(begin, end);
    }

private:
    struct Search {
        std::size_t from, last_end;
    };
    struct Compiled;
    Pattern(std::string_view expression, bool literal);
    bool next(std::string_view text, Search& search, std::size_t& begin, std::size_t& end) const;

    std::unique_ptr<Compiled> compiled_;
};

} // namespace millrace::inference::worker
