// What a proxy says of the client behind it. Believed only of the proxies that the configuration names: anybody else
// could write the same fields. Of the two families of fields only X-Forwarded-For, -Proto and -Host are read, which
// nginx, Caddy, HAProxy, Apache and Traefik set: a proxy that sets one family passes the other on as the client sent
// it. Pure.
#pragma once
#include "base/network.hpp"
#include "http/fields.hpp"

#include <string>
#include <vector>

namespace millrace::http {

using TrustedProxies = std::vector<IpNetwork>;

bool is_trusted(const TrustedProxies& proxies, std::string_view address);

struct Forwarded {
    std::string client; // its address; the proxy's where nothing better is said
    std::string host;   // empty: the Host field is the client's
    bool tls = false;   // between the client and the outermost proxy that is trusted
};

// Of a request that came from `proxy`, which is trusted. X-Forwarded-For is read from its end: each proxy adds whom it
// sees, and the first one that is no trusted proxy is the client, whatever stands before it. Names and ports are left
// out; where an entry is no address, the proxy that wrote it counts as the client.
Forwarded read_forwarded(const Headers& headers, const TrustedProxies& proxies, std::string_view proxy);

} // namespace millrace::http
