// External workers that wait: who is served, who goes away with nothing, who is told to come back.
#include "jobs/dispatch/waiting_workers.hpp"
#include "unit/jobs/dispatch/waiting_jobs.hpp"

#include <doctest/doctest.h>

#include <map>

namespace millrace::jobs::test {

using namespace std::chrono_literals;

namespace {

struct World {
    WaitingWorkers workers{3};
    QueuePtr queue = std::make_shared<Queue>(organization(1), "outside");
    Monotonic now{1h};
    std::map<std::string, std::string> told; // what each worker was given: a number of jobs, or an error

    void wait(const std::string& name, std::chrono::seconds patience = 10s) {
        workers.add({workers.next_ticket(), queue, name, 1, now + patience, 30s,
                     [this, name](Result<std::vector<Handed>> jobs) {
                         told[name] += jobs ? std::to_string(jobs->size()) : jobs.error().detail;
                     }});
    }
    // Serves with so many jobs at hand; whoever gets one is named in turn.
    std::string serve(int jobs) {
        std::string served;
        workers.serve(
            now, [&](const WaitingWorker&) { return std::vector<Waiting>(jobs > 0 && jobs-- > 0 ? 1 : 0); },
            [&](WaitingWorker worker, std::vector<Waiting>) { served += worker.name; });
        return served;
    }
};

} // namespace

TEST_CASE("who came first is served first, and the others wait on") {
    World world;
    for (const char* name : {"a", "b", "c"}) world.wait(name);
    CHECK(world.serve(2) == "ab");
    CHECK(world.told.empty()); // a and b are told once their claims are committed
    CHECK(world.serve(1) == "c");
    CHECK(world.workers.empty());
}

TEST_CASE("who has waited long enough goes away with no job, unless there is one now") {
    World world;
    world.wait("a", 1s);
    world.wait("b", 5s);
    CHECK(world.workers.next_to_go() == world.now + 1s);
    world.now += 1s;
    CHECK(world.serve(0).empty());
    CHECK(world.told == std::map<std::string, std::string>{{"a", "0"}});
    world.now += 9s;
    CHECK(world.serve(1) == "b");
}

TEST_CASE("a worker that has gone is given nothing, and a ticket that is not known does no harm") {
    World world;
    world.wait("a");
    world.wait("b");
    world.workers.withdraw(world.workers.all().front().ticket);
    world.workers.withdraw(4711);
    CHECK(world.told == std::map<std::string, std::string>{{"a", "0"}});
    CHECK(world.serve(1) == "b");
}

TEST_CASE("no more wait than may, and none once the daemon stops") {
    World world;
    for (const char* name : {"a", "b", "c", "d"}) world.wait(name);
    CHECK(world.told["d"] == "as many workers wait for jobs as may; try again later");
    world.workers.dismiss();
    for (const char* name : {"a", "b", "c"}) CHECK(world.told[name] == "0");
    world.wait("e");
    CHECK(world.told["e"] == "the daemon is stopping; try again in a moment");
    CHECK(world.workers.empty());
}

} // namespace millrace::jobs::test
