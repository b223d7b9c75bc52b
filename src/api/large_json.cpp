#include "api/large_json.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

// Brackets outside strings, of text that may be no JSON.
std::size_t count_containers(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '[' || c == '{') ++count;
        if (c != '"') continue;
        for (++at; at < text.size() && text[at] != '"'; ++at)
            if (text[at] == '\\') ++at;
    }
    return count;
}

Result<json::value> parse(std::string_view text, std::span<const KeptMember> kept) {
    if (count_containers(text) > most_json_containers)
        return Error{Code::unprocessable,
                     fmt::format("the body has more than {} lists and objects; send it in several requests",
                                 most_json_containers)};
    return parse_json(text, kept);
}

} // namespace

awaitable<Result<json::value>> parse_large(async::ThreadPool& pool, std::shared_ptr<const std::string> text,
                                           std::span<const KeptMember> kept) {
    if (text->size() < small_body) co_return parse_json(*text, kept);
    auto work = [text, kept] { return parse(*text, kept); };
    co_return co_await pool.run(std::move(work));
}

} // namespace millrace::api
