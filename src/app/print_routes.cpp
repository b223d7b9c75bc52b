#include "app/print_routes.hpp"

#include "app/daemon.hpp"

#include <boost/beast/http/verb.hpp>
#include <fmt/format.h>

#include <cstdlib>

namespace millrace::app {
namespace {

std::string_view role_of(const http::Access& access) {
    return access.is_open() ? "open" : values::name(values::least_role(*access.needed()));
}

} // namespace

int print_routes() {
    auto folder = (std::filesystem::temp_directory_path() / "millrace-routes-XXXXXX").string();
    if (!::mkdtemp(folder.data())) return 1;
    int code = 1;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt};
    const auto loaded =
        config::load(config::process_sources({{"data", folder}, {"inference.enabled", "false"}}, std::nullopt));
    auto base = loaded ? Foundations::open(loaded->config, log) : Result<Foundations>{loaded.error()};
    if (base) {
        const Daemon daemon{std::move(*base)};
        for (const auto& route : daemon.router().routes()) {
            const auto verb = boost::beast::http::to_string(route->verb);
            fmt::print("{} {} {}\n", std::string_view{verb.data(), verb.size()}, route->pattern,
                       role_of(route->access));
        }
        code = 0;
    } else {
        log.error("no routes", {{"reason", base.error().detail}});
    }
    std::error_code ignored; // a temporary folder left behind does no harm
    std::filesystem::remove_all(folder, ignored);
    return code;
}

} // namespace millrace::app
