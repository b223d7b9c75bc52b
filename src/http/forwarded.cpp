#include "http/forwarded.hpp"

#include <algorithm>

namespace millrace::http {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// All fields of the name as one list, as RFC 9110 has it.
std::vector<std::string_view> list(const Headers& headers, std::string_view name) {
    std::vector<std::string_view> out;
    for (const auto& [its, value] : headers) {
        if (!equal_ignoring_case(its, name)) continue;
        for (std::size_t at = 0; at <= value.size();) {
            const auto comma = std::min(value.find(',', at), value.size());
            out.push_back(trim(value.substr(at, comma - at)));
            at = comma + 1;
        }
    }
    return out;
}

std::string_view last(const Headers& headers, std::string_view name) {
    const auto all = list(headers, name);
    return all.empty() ? std::string_view{} : all.back();
}

// 192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1], [2001:db8::1]:4711
std::optional<IpAddress> address_of(std::string_view entry) {
    if (entry.starts_with('[')) return IpAddress::parse(entry.substr(1, entry.find(']') - 1));
    if (std::count(entry.begin(), entry.end(), ':') == 1) entry = entry.substr(0, entry.find(':'));
    return IpAddress::parse(entry);
}

bool is_trusted(const TrustedProxies& proxies, const IpAddress& address) {
    return std::any_of(proxies.begin(), proxies.end(), [&](const IpNetwork& each) { return each.contains(address); });
}

} // namespace

bool is_trusted(const TrustedProxies& proxies, std::string_view address) {
    if (proxies.empty()) return false;
    const auto parsed = IpAddress::parse(address);
    return parsed && is_trusted(proxies, *parsed);
}

Forwarded read_forwarded(const Headers& headers, const TrustedProxies& proxies, std::string_view proxy) {
    Forwarded out;
    out.client = proxy;
    const auto hops = list(headers, "X-Forwarded-For");
    for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
        const auto address = address_of(*hop);
        if (!address) break;
        out.client = address->text();
        if (!is_trusted(proxies, *address)) break;
    }
    out.host = last(headers, "X-Forwarded-Host");
    out.tls = equal_ignoring_case(last(headers, "X-Forwarded-Proto"), "https");
    return out;
}

} // namespace millrace::http
