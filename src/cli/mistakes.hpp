// What a mistyped command line may have meant.
#pragma once
#include <span>
#include <string>

namespace CLI {
class App;
}

namespace millrace::cli {

struct Mistake {
    std::string path = "millrace"; // the command as far as it was understood
    std::string sentence;          // empty: nothing to say beyond the parser's own words
};

// `words`: the command line without the program.
Mistake mistake_in(const CLI::App& app, std::span<const char* const> words);

} // namespace millrace::cli
