// A queue that external workers work, with the calls that such a worker makes.
#pragma once
#include "unit/jobs/queue_daemon.hpp"

namespace millrace::jobs::test {

struct WorkedOutside : QueueDaemon {
    explicit WorkedOutside(DispatcherOptions its = {}) : QueueDaemon{std::move(its)} {
        values::QueueSettings settings;
        settings.external = true;
        set("outside", settings);
    }
    static values::NewJob outside() {
        auto wanted = job("outside");
        wanted.kind = "anything";
        return wanted;
    }
    static LeaseRequest request(std::size_t most = 1, std::chrono::milliseconds wait = 0ms) {
        return {"outside", "w1", most, wait, 30s};
    }
    std::vector<LeasedJob> take(std::size_t most = 1) {
        auto taken = run(leases->take(who, request(most)));
        REQUIRE(taken.has_value());
        settle();
        return std::move(*taken);
    }
    LeaseToken take_one() {
        const auto taken = take();
        REQUIRE(taken.size() == 1);
        return taken[0].token;
    }
    Result<void> complete(LeaseToken token) {
        auto done = run(leases->complete(who, token, "\"from outside\""));
        settle();
        return done;
    }
    Result<void> fail(LeaseToken token, bool retryable = true,
                      std::optional<std::chrono::milliseconds> after = std::nullopt) {
        auto done = run(leases->fail(who, token, {"broken", "it broke"}, retryable, after));
        settle();
        return done;
    }
    Result<Heartbeat> beat(LeaseToken token, std::optional<int> percent = std::nullopt) {
        auto done = run(leases->heartbeat(who, token, percent));
        settle();
        return done;
    }
};

} // namespace millrace::jobs::test
