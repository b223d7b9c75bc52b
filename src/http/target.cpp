#include "http/target.hpp"

#include "base/encoding.hpp"
#include "base/utf8.hpp"

#include <algorithm>

namespace millrace::http {
namespace {

constexpr std::size_t max_query_pairs = 100;

enum class In { path, query };

// In a path as in a query.
bool stands_for_itself(char c) { return c > ' ' && c < 0x7f && c != '%' && c != '+' && c != '\\'; }

// Appends the decoded text; false on a broken escape and on what must not be hidden in one. A query may hold line
// breaks; a path no control character, no slash (one segment would become two) and no backslash (a slash to some).
bool decode(std::string_view text, In in, std::string& out) {
    const std::size_t size = text.size();
    std::size_t i = 0;
    while (i < size && stands_for_itself(text[i])) ++i;
    out.append(text, 0, i);
    for (; i < size; ++i) {
        char c = text[i];
        const bool escaped = c == '%';
        if (escaped) {
            if (size - i < 3) return false;
            const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
            if (high < 0 || low < 0) return false;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        } else if (c == '+' && in == In::query) {
            c = ' ';
        }
        const auto byte = static_cast<unsigned char>(c);
        if (byte == 0) return false;
        if (in == In::path && (byte < 0x20 || byte == 0x7f || c == '\\' || (escaped && c == '/'))) return false;
        out.push_back(c);
    }
    return true;
}

bool has_dot_segment(std::string_view path) {
    while (!path.empty()) {
        path.remove_prefix(1); // the slash
        const auto end = std::min(path.find('/'), path.size());
        const auto segment = path.substr(0, end);
        if (segment == "." || segment == "..") return true;
        path.remove_prefix(end);
    }
    return false;
}

std::optional<Refusal> parse_path(std::string_view raw, std::string& path) {
    path.clear();
    if (!decode(raw, In::path, path))
        return Refusal{400, "the path's percent-encoding is broken, or hides a slash or a control character"};
    if (!valid_utf8(path)) return Refusal{400, "the path is not UTF-8"};
    if (has_dot_segment(path)) return Refusal{400, "the path has a `.` or `..` segment"};
    return std::nullopt;
}

std::optional<Refusal> parse_query(std::string_view raw, Query& query) {
    while (!raw.empty()) {
        const auto end = std::min(raw.find('&'), raw.size());
        const auto pair = raw.substr(0, end);
        raw.remove_prefix(std::min(end + 1, raw.size()));
        if (pair.empty()) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        std::string name, value;
        const auto after = pair.substr(std::min(equals + 1, pair.size()));
        if (!decode(pair.substr(0, equals), In::query, name) || !decode(after, In::query, value))
            return Refusal{400, "the query's percent-encoding is broken"};
        if (!valid_utf8(name) || !valid_utf8(value)) return Refusal{400, "the query is not UTF-8"};
        if (query.size() >= max_query_pairs) return Refusal{400, "too many pairs in the query"};
        query.add(std::move(name), std::move(value));
    }
    return std::nullopt;
}

} // namespace

std::optional<Refusal> parse_target(std::string_view target, std::string_view host, const Limits& limits,
                                    std::string& path, Query& query) {
    if (target.size() > limits.target_bytes) return Refusal{414, "the target is too long"};
    if (target == "*") {
        path.assign(1, '*');
        return std::nullopt;
    }
    if (!target.starts_with('/')) {
        const bool http = equal_ignoring_case(target.substr(0, 7), "http://");
        const bool https = equal_ignoring_case(target.substr(0, 8), "https://");
        if (!http && !https) return Refusal{400, "the target is neither a path nor an http URL"};
        target.remove_prefix(http ? 7 : 8);
        const auto slash = std::min(target.find_first_of("/?"), target.size());
        if (!equal_ignoring_case(target.substr(0, slash), host))
            return Refusal{400, "the target's authority is not the Host field's"};
        target.remove_prefix(slash);
    }
    if (target.find('#') != std::string_view::npos) return Refusal{400, "a fragment in the target"};
    const auto question = std::min(target.find('?'), target.size());
    const auto raw_path = target.substr(0, question);
    if (auto refusal = parse_path(raw_path.empty() ? "/" : raw_path, path))
        return refusal; // an authority alone is the root's (RFC 9110, 4.2.3)
    return parse_query(target.substr(std::min(question + 1, target.size())), query);
}

} // namespace millrace::http
