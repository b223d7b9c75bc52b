#include "events/live_logs.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::events;

namespace {

values::Principal somebody(OrganizationId organization) {
    values::Principal who;
    who.organization = organization;
    who.actor = ActorId::make();
    return who;
}

} // namespace

TEST_CASE("a key has its share of the streams, and an organisation three quarters of them") {
    LiveLogs logs{{.streams = 8, .of_key = 4, .log = {}}};
    const auto one = OrganizationId::make(), two = OrganizationId::make();
    const auto first = somebody(one), second = somebody(one), third = somebody(two);
    std::vector<LiveLogs::Ticket> held;
    const auto opens = [&](const values::Principal& who) {
        auto ticket = logs.admit(who);
        if (ticket) held.push_back(std::move(*ticket));
        return ticket.has_value();
    };
    for (int i = 0; i < 4; ++i) CHECK(opens(first));
    CHECK_FALSE(opens(first));
    CHECK(opens(second));
    CHECK(opens(second));
    CHECK_FALSE(opens(second)); // six of eight
    CHECK(opens(third));
    CHECK(opens(third));
    CHECK_FALSE(opens(third)); // no more at all
    const auto refused = logs.admit(first);
    CHECK(refused.error().code == Code::rate_limited);
    CHECK(refused.error().retry_after_seconds > 0);
    held.clear();
    CHECK(logs.streams() == 0);
    CHECK(opens(first));
}

TEST_CASE("a log is there while somebody follows it and a minute more") {
    using namespace std::chrono_literals;
    LiveLogs logs;
    const auto organization = OrganizationId::make();
    CHECK_FALSE(logs.any());
    CHECK(logs.find(organization) == nullptr);
    const auto now = std::chrono::steady_clock::now();
    asio::io_context io;
    {
        const LiveFollower follower{logs.log_of(organization), {}, io.get_executor()};
        CHECK(logs.any());
        logs.tidy(now + 1h);
        CHECK(logs.find(organization) != nullptr);
    }
    logs.tidy(now + 30s);
    CHECK(logs.any());
    logs.tidy(now + 2h);
    CHECK_FALSE(logs.any());
}

TEST_CASE("after the end nobody begins to follow") {
    LiveLogs logs;
    logs.close();
    CHECK(logs.admit(somebody(OrganizationId::make())).error().code == Code::unavailable);
    asio::io_context io;
    const LiveFollower late{logs.log_of(OrganizationId::make()), {}, io.get_executor()};
    CHECK(late.closed());
}
