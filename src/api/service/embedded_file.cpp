#include "api/service/embedded_file.hpp"

#include "api/etag.hpp"
#include "base/embedded.hpp"

#include <fmt/format.h>

#include <array>

namespace millrace::api {
namespace {

bool takes(std::string_view accept_encoding, std::string_view coding) {
    const auto at = accept_encoding.find(coding);
    if (at == std::string_view::npos) return false;
    const auto rest = accept_encoding.substr(at + coding.size());
    return !rest.starts_with(";q=0") || rest.starts_with(";q=0.");
}

} // namespace

std::string_view type_of_file(std::string_view path) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 9> types{
        {{".html", "text/html; charset=utf-8"},
         {".js", "text/javascript; charset=utf-8"},
         {".css", "text/css; charset=utf-8"},
         {".svg", "image/svg+xml"},
         {".png", "image/png"},
         {".ico", "image/x-icon"},
         {".json", "application/json"},
         {".webmanifest", "application/manifest+json"},
         {".woff2", "font/woff2"}}};
    for (const auto& [ending, type] : types)
        if (path.ends_with(ending)) return type;
    return "application/octet-stream";
}

http::Response embedded_file(std::string_view path, const http::Request& request, std::string_view cache_control) {
    const auto& assets = embedded::assets();
    const auto plain = assets.find(path);
    if (!plain) return http::problem({Code::not_found, fmt::format("there is no {}", request.path)}, request.id);
    auto bytes = *plain;
    std::string_view coding;
    const auto accept = request.header("Accept-Encoding");
    for (const auto& [name, ending] : {std::pair{"br", ".br"}, std::pair{"gzip", ".gz"}}) {
        if (!takes(accept, name)) continue;
        if (const auto packed = assets.find(std::string{path} + ending)) {
            bytes = *packed;
            coding = name;
            break;
        }
    }
    const std::string_view body{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    const auto tag = fmt::format("\"{:016x}\"", std::hash<std::string_view>{}(body));
    auto response = etag_matches(request.header("If-None-Match"), tag)
                        ? http::empty(304)
                        : http::text(200, type_of_file(path), std::string{body});
    response.set("ETag", tag).set("Cache-Control", std::string{cache_control}).set("Vary", "Accept-Encoding");
    if (!coding.empty() && response.status == 200) response.set("Content-Encoding", std::string{coding});
    return response;
}

} // namespace millrace::api
