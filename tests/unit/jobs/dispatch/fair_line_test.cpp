#include "unit/jobs/dispatch/waiting_jobs.hpp"

#include <map>
#include <string>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

// One line, and whoever is served of it.
struct Line {
    Owners owners;
    FairLine line;
    std::uint32_t made = 0;

    OwnerIndex owner(std::uint8_t which, int weight = 1) {
        return owners.find_or_add(organization(1), key(which), 1, weight);
    }
    JobId push(OwnerIndex of) {
        const auto id = job_id(++made);
        line.push({id, Timestamp{made}, 0, 5, of}, owners, Monotonic{});
        return id;
    }
    void push(OwnerIndex of, int count) {
        for (int i = 0; i < count; ++i) push(of);
    }
    Waiting serve() {
        const auto next = line.next_owner(owners);
        const auto job = line.pop(next);
        CHECK(job.owner == next);
        owners.served(next);
        return job;
    }
    std::map<OwnerIndex, int> serve(int count) {
        std::map<OwnerIndex, int> served;
        for (int i = 0; i < count; ++i) ++served[serve().owner];
        return served;
    }
};

} // namespace

TEST_CASE("one key's jobs are served in the order of their arrival") {
    Line line;
    const auto mine = line.owner(1);
    std::vector<JobId> pushed;
    for (int i = 0; i < 100; ++i) pushed.push_back(line.push(mine));
    for (const auto& id : pushed) CHECK(line.serve().id == id);
    CHECK(line.line.empty());
}

TEST_CASE("keys of equal weight take turns") {
    Line line;
    const std::vector<OwnerIndex> keys{line.owner(1), line.owner(2), line.owner(3)};
    for (const auto each : keys) line.push(each, 50);
    for (int round = 0; round < 50; ++round) {
        const auto served = line.serve(3);
        for (const auto each : keys) CHECK(served.at(each) == 1);
    }
}

TEST_CASE("a newcomer waits for one job at most, whatever the backlog and the past of the others") {
    for (const int before : {0, 1, 7, 1000, 20'000}) {
        Line line;
        const auto busy = line.owner(1), newcomer = line.owner(2);
        line.push(busy, 30'000);
        line.serve(before);
        const auto id = line.push(newcomer);
        const bool first = line.serve().id == id;
        const bool second = !first && line.serve().id == id;
        CHECK((first || second));
    }
}

TEST_CASE("a newcomer behind ninety-nine busy keys waits for one job of each at most") {
    Line line;
    for (std::uint8_t i = 1; i <= 99; ++i) line.push(line.owner(i), 200);
    line.serve(1234);
    const auto id = line.push(line.owner(100));
    int before = 0;
    while (line.serve().id != id) ++before;
    CHECK(before <= 99);
}

TEST_CASE("a weight of three gets three jobs for one of weight one, in every stretch") {
    Line line;
    const auto heavy = line.owner(1, 3), light = line.owner(2, 1);
    line.push(heavy, 4000);
    line.push(light, 4000);
    for (int round = 0; round < 500; ++round) {
        const auto served = line.serve(4);
        CHECK(std::abs(served.at(heavy) - 3) <= 1);
    }
    const auto served = line.serve(1000);
    CHECK(served.at(heavy) == 750);
    CHECK(served.at(light) == 250);
}

TEST_CASE("weights hold between many: each gets its share") {
    Line line;
    std::map<OwnerIndex, int> weight;
    for (std::uint8_t i = 1; i <= 5; ++i) weight[line.owner(i, i)] = i;
    for (const auto& [owner, its] : weight) line.push(owner, 3000);
    const auto served = line.serve(15 * 100); // 1+2+3+4+5 = 15 a round
    for (const auto& [owner, its] : weight) CHECK(std::abs(served.at(owner) - 100 * its) <= its);
}

TEST_CASE("a weight that is changed counts from then on") {
    Line line;
    const auto first = line.owner(1), second = line.owner(2);
    line.push(first, 1000);
    line.push(second, 1000);
    line.serve(100);
    line.owners.find_or_add(organization(1), key(1), 0, 4);
    line.owners.find_or_add(organization(1), key(2)); // no weight is given: nothing changes
    const auto served = line.serve(500);
    CHECK(std::abs(served.at(first) - 400) <= 4);
}

TEST_CASE("who was idle has saved up no turns") {
    Line line;
    const auto steady = line.owner(1), idle = line.owner(2);
    line.push(steady, 5000);
    line.push(idle);
    line.serve(2000); // the other one has long had nothing to do
    line.push(idle, 1000);
    const auto served = line.serve(100);
    CHECK(served.at(idle) <= 51);
    CHECK(served.at(steady) >= 49);
}

TEST_CASE("who was served alone is not made to wait for it afterwards") {
    Line line;
    const auto first = line.owner(1), second = line.owner(2);
    line.push(first, 1000);
    line.serve(1000);
    line.push(first, 100);
    line.push(second, 100);
    const auto served = line.serve(100);
    CHECK(std::abs(served.at(first) - 50) <= 1);
}

TEST_CASE("what was held up elsewhere is not made up for at the others' cost") {
    // One key's lane is closed while another is served a thousand times in a second lane.
    Owners owners;
    FairLine closed, open;
    const auto held = owners.find_or_add(organization(1), key(1)), steady = owners.find_or_add(organization(1), key(2));
    for (std::uint32_t i = 0; i < 3000; ++i) {
        closed.push({job_id(i), Timestamp{i}, 0, 5, held}, owners, Monotonic{});
        open.push({job_id(10'000 + i), Timestamp{i}, 1, 5, steady}, owners, Monotonic{});
    }
    for (int i = 0; i < 1000; ++i) owners.served(open.pop(steady).owner);
    int of_held = 0; // now both may be served
    for (int i = 0; i < 100; ++i) {
        const bool turn = owners.turn(held) <= owners.turn(steady);
        of_held += turn;
        owners.served(turn ? closed.pop(held).owner : open.pop(steady).owner);
    }
    CHECK(of_held <= 51);
}

TEST_CASE("organisations share by their weights, whatever the number of their keys") {
    Owners owners;
    FairLine one, other; // lines are never shared between organisations
    std::vector<OwnerIndex> keys;
    for (std::uint8_t i = 0; i < 10; ++i) keys.push_back(owners.find_or_add(organization(1), key(i), 1, 1));
    const auto lone = owners.find_or_add(organization(2), key(100), 2, 1);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        one.push({job_id(i), Timestamp{i}, 0, 5, keys[i % keys.size()]}, owners, Monotonic{});
        other.push({job_id(5000 + i), Timestamp{i}, 1, 5, lone}, owners, Monotonic{});
    }
    std::map<OwnerIndex, int> served;
    for (int i = 0; i < 300; ++i) {
        const auto of_one = one.next_owner(owners), of_other = other.next_owner(owners);
        const bool first = owners.organization_turn(of_one) <= owners.organization_turn(of_other);
        const auto job = first ? one.pop(of_one) : other.pop(of_other);
        owners.served(job.owner);
        ++served[job.owner];
    }
    CHECK(std::abs(served[lone] - 200) <= 1);
    for (const auto each : keys) CHECK(std::abs(served[each] - 10) <= 1);
}

TEST_CASE("a line knows how many stand in it and who waits the longest") {
    Line line;
    const auto first = line.owner(1), second = line.owner(2);
    line.line.push({job_id(1), Timestamp{50}, 0, 5, first}, line.owners, Monotonic{});
    line.line.push({job_id(2), Timestamp{30}, 0, 5, second}, line.owners, Monotonic{});
    line.line.push({job_id(3), Timestamp{60}, 0, 5, second}, line.owners, Monotonic{});
    CHECK(line.line.size() == 3);
    CHECK(line.line.oldest() == Timestamp{30});
    while (line.line.size() > 1) line.serve();
    line.line.refresh();
    CHECK(line.line.oldest() == Timestamp{60});
}

TEST_CASE("a line that nobody serves knows since when") {
    Line line;
    const auto mine = line.owner(1);
    line.line.push({job_id(1), Timestamp{}, 0, 5, mine}, line.owners, Monotonic{5s});
    line.line.push({job_id(2), Timestamp{}, 0, 5, mine}, line.owners, Monotonic{9s});
    CHECK(line.line.unserved_since() == Monotonic{5s});
    line.serve();
    line.line.served(Monotonic{12s});
    CHECK(line.line.unserved_since() == Monotonic{12s});
    line.serve();
    line.line.push({job_id(3), Timestamp{}, 0, 5, mine}, line.owners, Monotonic{20s}); // it was empty meanwhile
    CHECK(line.line.unserved_since() == Monotonic{20s});
}
