// Which handler answers a method and path. Built once by one thread, then read by all without a lock.
#pragma once
#include "http/request.hpp"
#include "http/response.hpp"
#include "values/permission.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::http {

using Handler = std::function<awaitable<Response>(Request&)>;

struct BodyPolicy {
    enum class Kind { none, buffered, streamed };
    Kind kind = Kind::none;      // none: a body is not read; of a write it may be `{}` and nothing else
    std::uint64_t max_bytes = 0; // more is 413
    bool unpacks = false;        // the handler undoes a Content-Encoding; everywhere else one is 415

    static BodyPolicy none() { return {}; }
    static BodyPolicy buffered(std::uint64_t max_bytes = 1 << 20) { return {Kind::buffered, max_bytes}; }
    static BodyPolicy streamed(std::uint64_t max_bytes) { return {Kind::streamed, max_bytes}; }
    static BodyPolicy packed(std::uint64_t max_bytes) { return {Kind::streamed, max_bytes, true}; }
};

// Who may call a route. It has no default: a route that does not say it does not compile.
class Access {
public:
    constexpr Access(values::Permission needed) : needed_{needed} {} // NOLINT: a route names the permission itself
    static constexpr Access open() { return {}; }                    // no key is needed

    // For the gate; nullopt: open.
    constexpr std::optional<values::Permission> needed() const { return needed_; }
    constexpr bool is_open() const { return !needed_; }

private:
    constexpr Access() = default;

    std::optional<values::Permission> needed_;
};

struct Route {
    Verb verb = Verb::get;
    std::string pattern; // "/api/v1/jobs/{id}"; a last segment "{path*}" takes the rest, slashes included
    Handler handler;
    BodyPolicy body;
    Access access;
    bool takes_query = false; // a write of any other route with a query is 422, as is a body of one that takes none:
                              // `?dry_run=true` must not be a real purge where nobody looks at it
};

class Router {
public:
    Router();
    ~Router();
    Router(Router&&) noexcept;
    Router& operator=(Router&&) noexcept;

    // Throws std::logic_error when the pattern is malformed or the verb and pattern are taken: a mistake in the
    // program, found at start.
    void add(Route route);

    struct Found {
        const Route* route = nullptr; // null: 404 when `allowed` is empty, else 405
        std::string allowed;          // filled only when the path is known and the verb is not
    };
    // A fixed segment wins over a captured one, which wins over `{path*}`, whatever the verb: where /jobs/batch is
    // served, it is no /jobs/{id}. HEAD is answered by GET's route. `captures` views `path`.
    Found find(Verb verb, std::string_view path, Parameters& captures) const;

    // In the order added; the addresses are stable.
    const std::vector<std::unique_ptr<Route>>& routes() const;

private:
    struct Node;
    std::unique_ptr<Node> root_;
    std::vector<std::unique_ptr<Route>> routes_;
};

} // namespace millrace::http
