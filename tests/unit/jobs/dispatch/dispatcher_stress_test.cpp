// Clients, workers, attempts and time all at once, on threads of their own, against the real dispatcher: afterwards
// nothing is lost, nothing is left in a slot, and the counts are right. What happens differs from run to run; the dice
// only choose.
#include "unit/jobs/queue_daemon.hpp"

#include <random>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

class Crowd {
public:
    Crowd(QueueDaemon& daemon, unsigned seed) : daemon_{daemon}, seed_{seed} {}

    void run() {
        std::vector<std::thread> threads;
        for (const auto role : {&Crowd::submit, &Crowd::submit, &Crowd::cancel_and_replay, &Crowd::act, &Crowd::work,
                                &Crowd::wind_the_clock, &Crowd::pause_and_resume})
            threads.emplace_back([this, role, own = ++seed_ * 7919] {
                std::mt19937 dice{own};
                (this->*role)(dice);
            });
        for (std::size_t i = 0; i < 2; ++i) threads[i].join();
        open_ = false;
        for (std::size_t i = 2; i < threads.size(); ++i) threads[i].join();
    }
    std::size_t submitted() const { return submitted_; }
    std::size_t replayed() const { return replayed_; }

    // Until everything has ended, with success where it may.
    bool drain() {
        for (int turn = 0; turn < 500; ++turn) {
            for (const auto& attempt : daemon_.puppet.running()) daemon_.puppet.finish(attempt.job);
            for (auto& taken : daemon_.run(daemon_.leases->take(daemon_.who, {"outside", "w", 100, 0ms, 30s})).value())
                (void)daemon_.run(daemon_.leases->complete(daemon_.who, taken.token, "1"));
            daemon_.pass(20s);
            const auto now = daemon_.snapshot();
            if (daemon_.dispatcher->backlog() == 0 && now.total.running == 0) return true;
        }
        return false;
    }

private:
    using Dice = std::mt19937;

    void submit(Dice& dice) {
        for (int i = 0; i < 60; ++i) {
            auto wanted = QueueDaemon::job(dice() % 3 == 0 ? "outside" : "default");
            wanted.priority = static_cast<int>(dice() % 10);
            wanted.max_attempts = static_cast<int>(1 + dice() % 3);
            if (dice() % 4 == 0) wanted.run_at = daemon_.clock.now() + std::chrono::milliseconds{dice() % 3000};
            if (dice() % 5 == 0)
                wanted.deadline_at = daemon_.clock.now() + std::chrono::milliseconds{4000 + dice() % 9000};
            {
                auto ids = ids_.lock();
                if (!ids->empty() && dice() % 4 == 0)
                    wanted.depends_on = {{(*ids)[dice() % ids->size()], static_cast<values::OnFailure>(dice() % 2)}};
            }
            const auto accepted = daemon_.try_submit(std::move(wanted));
            if (!accepted) continue;
            ++submitted_;
            ids_.lock()->push_back(accepted->id);
        }
    }
    void cancel_and_replay(Dice& dice) {
        while (open_) {
            std::optional<JobId> id;
            if (auto ids = ids_.lock(); !ids->empty())
                id = (*ids)[ids->size() - 1 - dice() % std::min<std::size_t>(ids->size(), 6)];
            if (!id) continue;
            if (dice() % 3 > 0) (void)daemon_.run(daemon_.jobs->cancel(daemon_.who, *id));
            else if (daemon_.run(daemon_.jobs->retry(daemon_.who, *id, std::nullopt))) ++replayed_;
            std::this_thread::sleep_for(std::chrono::microseconds{dice() % 4000});
        }
    }
    void act(Dice& dice) {
        while (open_) {
            for (const auto& attempt : daemon_.puppet.running()) {
                const auto luck = dice() % 6;
                if (luck < 2) daemon_.puppet.finish(attempt.job);
                else if (luck < 5)
                    daemon_.puppet.finish(attempt.job, failure("broken", static_cast<Failure::Kind>(dice() % 4)));
            }
            daemon_.puppet.stubborn = dice() % 3 == 0;
            std::this_thread::sleep_for(std::chrono::microseconds{dice() % 2000});
        }
    }
    void work(Dice& dice) {
        while (open_) {
            const auto taken =
                daemon_.run(daemon_.leases->take(daemon_.who, {"outside", "w", 1 + dice() % 3, 0ms, 2s}));
            if (!taken || taken->empty()) std::this_thread::sleep_for(1ms);
            if (!taken) continue;
            for (const auto& job : *taken) {
                const auto luck = dice() % 4;
                if (luck == 0) (void)daemon_.run(daemon_.leases->heartbeat(daemon_.who, job.token, 50));
                if (luck <= 1) (void)daemon_.run(daemon_.leases->complete(daemon_.who, job.token, "1"));
                if (luck == 2)
                    (void)daemon_.run(
                        daemon_.leases->fail(daemon_.who, job.token, {"broken", ""}, dice() % 2 == 0, std::nullopt));
            } // luck 3: nobody hears of it again
        }
    }
    void wind_the_clock(Dice& dice) {
        while (open_) {
            daemon_.clock.pass(std::chrono::milliseconds{dice() % 400});
            daemon_.dispatcher->start(); // a tick
            std::this_thread::sleep_for(1ms);
        }
    }

    void pause_and_resume(Dice& dice) {
        while (open_) {
            const std::string queue = dice() % 2 == 0 ? "default" : "outside";
            (void)daemon_.run(daemon_.queues->pause(daemon_.who, queue, "", std::nullopt));
            std::this_thread::sleep_for(std::chrono::microseconds{dice() % 3000});
            (void)daemon_.run(daemon_.queues->resume(daemon_.who, queue));
            std::this_thread::sleep_for(std::chrono::microseconds{dice() % 9000});
        }
    }

    QueueDaemon& daemon_;
    unsigned seed_;
    std::atomic<bool> open_{true};
    std::atomic<std::size_t> submitted_{0}, replayed_{0};
    async::Guarded<std::vector<JobId>> ids_;
};

} // namespace

TEST_CASE("whatever comes at once, nothing is lost, nothing is left in a slot, and the counts are right") {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        DispatcherOptions options;
        options.scheduler.concurrency = 3;
        QueueDaemon daemon{options};
        values::QueueSettings settings;
        settings.breaker = false;
        daemon.set("default", settings);
        settings.external = true;
        daemon.set("outside", settings);
        Crowd crowd{daemon, seed};
        crowd.run();
        daemon.settle();
        if (seed % 2 == 0) daemon.die();
        CHECK(crowd.drain());
        CHECK(daemon.number("SELECT count(*) FROM jobs") == 0);
        CHECK(daemon.number("SELECT count(*) FROM finished_jobs") == static_cast<std::int64_t>(crowd.submitted()));
        CHECK(daemon.number("SELECT sum(jobs) FROM job_totals") ==
              static_cast<std::int64_t>(crowd.submitted() + crowd.replayed()));
        const auto now = daemon.snapshot();
        for (const auto& queue : now.queues) {
            CHECK(queue.queued + queue.scheduled + queue.blocked + queue.running == 0);
            CHECK(daemon.dispatcher->table().find_queue(queue.organization, queue.name)->waiting == 0);
        }
        CHECK(now.total.external_leases == 0);
        daemon.puppet.stubborn = false;
        for (int i = 0; i < 4; ++i) daemon.submit();
        CHECK(daemon.puppet.running().size() == 3); // every slot is free, and there are no more
    }
}
