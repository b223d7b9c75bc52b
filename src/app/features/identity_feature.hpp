// Who is asking: keys and sessions.
#pragma once
#include "app/feature.hpp"
#include "app/foundations.hpp"
#include "identity/identity.hpp"

namespace millrace::app {

class IdentityFeature final : public Feature {
public:
    explicit IdentityFeature(Foundations& base) : identity_{*base.database, *base.feed, *base.clock, *base.log} {}

    void add_routes(http::Router& router) override;
    Result<void> load() override { return identity_.load_blocking(); }

    identity::Identity& identity() { return identity_; }
    const identity::Identity& identity() const { return identity_; }

private:
    identity::Identity identity_;
};

} // namespace millrace::app
