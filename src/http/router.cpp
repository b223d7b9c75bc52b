#include "http/router.hpp"

#include <array>
#include <stdexcept>

namespace millrace::http {
namespace {

constexpr std::array verbs{Verb::get, Verb::head, Verb::post, Verb::put, Verb::patch, Verb::delete_, Verb::options};

std::size_t index_of(Verb verb) {
    for (std::size_t i = 0; i < verbs.size(); ++i)
        if (verbs[i] == verb) return i;
    return verbs.size();
}

// The first segment of a path that begins with a slash, and what follows it.
std::pair<std::string_view, std::string_view> split(std::string_view path) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    return {path.substr(0, end), path.substr(end)};
}

struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

} // namespace

struct Router::Node {
    using ByVerb = std::array<const Route*, verbs.size()>;

    std::unordered_map<std::string, std::unique_ptr<Node>, Hash, std::equal_to<>> fixed;
    std::unique_ptr<Node> captured;
    ByVerb here{}; // the path ends at this node
    ByVerb rest{}; // "{path*}" takes what follows
    bool is_end = false, takes_rest = false;

    static const Route* pick(const ByVerb& table, Verb verb) {
        const auto index = index_of(verb);
        if (index == verbs.size()) return nullptr;
        if (table[index]) return table[index];
        return verb == Verb::head ? table[index_of(Verb::get)] : nullptr;
    }
    static std::string allowed(const ByVerb& table) {
        std::string list;
        for (std::size_t i = 0; i < verbs.size(); ++i) {
            const bool by_get = verbs[i] == Verb::head && table[index_of(Verb::get)];
            if (!table[i] && !by_get && verbs[i] != Verb::options) continue;
            if (!list.empty()) list += ", ";
            const auto name = boost::beast::http::to_string(verbs[i]);
            list.append(name.data(), name.size());
        }
        return list;
    }

    // The captures' values, in order; the names come from the route's pattern, because routes that share a node
    // may name a capture differently.
    const ByVerb* find(std::string_view path, std::vector<std::string_view>& values) const {
        if (path.empty()) return is_end ? &here : nullptr;
        const auto [segment, after] = split(path);
        if (const auto child = fixed.find(segment); child != fixed.end())
            if (const auto* found = child->second->find(after, values)) return found;
        if (captured && !segment.empty()) {
            values.push_back(segment);
            if (const auto* found = captured->find(after, values)) return found;
            values.pop_back();
        }
        if (!takes_rest || path.size() < 2) return nullptr;
        values.push_back(path.substr(1));
        return &rest;
    }
};

namespace {

// "id" of "{id}", "path*" of "{path*}"; empty when the segment is fixed.
std::string_view capture_name(std::string_view segment) {
    if (segment.size() < 3 || segment.front() != '{' || segment.back() != '}') return {};
    return segment.substr(1, segment.size() - 2);
}

void name_captures(std::string_view pattern, const std::vector<std::string_view>& values, Parameters& out) {
    std::size_t next = 0;
    while (next < values.size()) {
        const auto open = pattern.find('{');
        const auto close = pattern.find('}', open);
        auto name = pattern.substr(open + 1, close - open - 1);
        if (name.ends_with('*')) name.remove_suffix(1);
        out.add(name, values[next++]);
        pattern.remove_prefix(close + 1);
    }
}

} // namespace

Router::Router() : root_{std::make_unique<Node>()} {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

const std::vector<std::unique_ptr<Route>>& Router::routes() const { return routes_; }

void Router::add(Route route) {
    const auto wrong = [&](const char* why) { throw std::logic_error{"route " + route.pattern + ": " + why}; };
    const auto verb = index_of(route.verb);
    if (verb == verbs.size()) wrong("the verb is not served");
    if (!route.handler) wrong("no handler");
    if (!route.pattern.starts_with('/')) wrong("a pattern begins with a slash");

    Node* node = root_.get();
    Node::ByVerb* table = nullptr;
    for (std::string_view left = route.pattern; !left.empty();) {
        const auto [segment, after] = split(left);
        left = after;
        if (const auto name = capture_name(segment); name.ends_with('*')) {
            if (!after.empty()) wrong("nothing may follow {…*}");
            node->takes_rest = true;
            table = &node->rest;
        } else if (!name.empty()) {
            if (!node->captured) node->captured = std::make_unique<Node>();
            node = node->captured.get();
        } else {
            if (segment.find_first_of("{}") != std::string_view::npos) wrong("braces enclose a whole segment");
            auto& child = node->fixed[std::string{segment}];
            if (!child) child = std::make_unique<Node>();
            node = child.get();
        }
    }
    if (!table) {
        node->is_end = true;
        table = &node->here;
    }
    if ((*table)[verb]) wrong("taken already");
    routes_.push_back(std::make_unique<Route>(std::move(route)));
    (*table)[verb] = routes_.back().get();
}

Router::Found Router::find(Verb verb, std::string_view path, Parameters& captures) const {
    if (!path.starts_with('/')) return {};
    std::vector<std::string_view> values;
    const auto* table = root_->find(path, values);
    if (!table) return {};
    const auto* route = Node::pick(*table, verb);
    if (!route) return {nullptr, Node::allowed(*table)};
    name_captures(route->pattern, values, captures);
    return {route, {}};
}

} // namespace millrace::http
