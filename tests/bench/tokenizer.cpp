// Tokenises the lines of a file with a tokenizer as a manifest has it: prints the numbers of each line's tokens, to be
// compared with other implementations (tests/tokenizers/compare.py), or with --time how fast it went.
//
//     bench_tokenizer '{"kind":"file","file":"tokenizer.json"}' lines.txt tokenizer.json=PATH [--time] [--pairs]
//     [--length N]
#include "inference/worker/tokenizer/tokenizer.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>

using namespace millrace;
using namespace millrace::inference::worker;

namespace {

std::string contents(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

struct Options {
    std::map<std::string, std::string> files;
    bool time = false, pairs = false;
    std::size_t length = SIZE_MAX;
};

Encoding encode(const Tokenizer& tokenizer, std::string_view line, const Options& options, Cut cut) {
    const auto tab = options.pairs ? line.find('\t') : std::string_view::npos;
    if (tab == std::string_view::npos) return tokenizer.encode(line, std::nullopt, options.length, cut);
    return tokenizer.encode(line.substr(0, tab), line.substr(tab + 1), options.length, cut);
}

void print(const Tokenizer& tokenizer, const std::vector<std::string>& lines, const Options& options, Cut cut) {
    for (const auto& line : lines) {
        std::string text;
        try {
            const auto encoding = encode(tokenizer, line, options, cut);
            for (const auto id : encoding.ids) text += fmt::format("{} ", id);
            if (options.pairs) text += fmt::format("| {} ", fmt::join(encoding.types, " "));
        } catch (const std::exception& e) { text = std::string{"error: "} + e.what(); }
        std::cout << text << '\n';
    }
}

void measure(const Tokenizer& tokenizer, const std::vector<std::string>& lines, const Options& options, Cut cut) {
    double best = 1e9;
    std::size_t tokens = 0, bytes = 0;
    for (const auto& line : lines) bytes += line.size();
    for (int run = 0; run < 5; ++run) {
        tokens = 0;
        const auto start = std::chrono::steady_clock::now();
        for (const auto& line : lines) tokens += encode(tokenizer, line, options, cut).ids.size();
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    std::cout << fmt::format("{:.0f} lines/s, {:.2f} MB/s, {} tokens\n", static_cast<double>(lines.size()) / best,
                             static_cast<double>(bytes) / best / 1e6, tokens);
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    std::vector<std::string> words;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--time") options.time = true;
        else if (word == "--pairs") options.pairs = true;
        else if (word == "--length" && i + 1 < argc) options.length = std::stoul(argv[++i]);
        else if (const auto is = word.find('='); words.size() >= 2 && is != std::string::npos)
            options.files[word.substr(0, is)] = contents(word.substr(is + 1));
        else words.push_back(word);
    }
    if (words.size() != 2)
        return std::cerr << "usage: bench_tokenizer TOKENIZER LINES [NAME=PATH ...] [--time] [--pairs] [--length N]\n",
               2;
    const auto manifest = values::Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"text","datatype":"INT64","shape":[1048576],"tokenizer":)" +
        words[0] + "}}");
    if (!manifest) return std::cerr << manifest.error().detail << '\n', 1;
    TokenizerFiles files;
    for (const auto& [name, bytes] : options.files) files[name] = bytes;
    auto rule = manifest->inputs.front().text;
    if (!rule.vocabulary_file.empty() && rule.tokenizer != values::Tokenizer::byte_pairs)
        if (auto put = values::put_vocabulary(rule, files[rule.vocabulary_file]); !put)
            return std::cerr << put.error().detail << '\n', 1;
    const auto tokenizer = open_tokenizer(rule, files);
    if (!tokenizer) return std::cerr << tokenizer.error().detail << '\n', 1;
    std::vector<std::string> lines;
    std::ifstream file{words[1]};
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    if (options.time) measure(**tokenizer, lines, options, rule.cut);
    else print(**tokenizer, lines, options, rule.cut);
}
