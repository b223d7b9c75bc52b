// The list of jobs: what waits and what has ended in one order, and its filters.
#include "unit/jobs/stored_jobs.hpp"

#include <algorithm>
#include <thread>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<JobId>;

Ids list(StoredJobs& world, job_repository::Filter filter = {}) {
    auto tenant = world.tenant();
    Ids ids;
    for (const auto& job : job_repository::list(tenant, filter, world.now).items) ids.push_back(job.id);
    return ids;
}
JobId tagged(StoredJobs& world, const std::string& tags) {
    auto wanted = world.prepared();
    wanted.job.tags = tags;
    return world.store(wanted).id;
}

} // namespace

TEST_CASE("waiting, running and ended jobs are listed together, the newest first") {
    StoredJobs world;
    const auto a = world.submit(), b = world.submit(), c = world.submit(), d = world.submit();
    world.run(b);
    world.claim(c);
    CHECK(list(world) == Ids{d, c, b, a});
}

TEST_CASE("pages follow each other without a gap, whatever ends meanwhile") {
    StoredJobs world;
    Ids all;
    for (int i = 0; i < 20; ++i) all.insert(all.begin(), world.submit());
    Ids seen;
    job_repository::Filter filter;
    filter.limit = 6;
    for (;;) {
        const auto page = list(world, filter);
        if (page.empty()) break;
        seen.insert(seen.end(), page.begin(), page.end());
        filter.before = page.back();
        world.run(all[seen.size() % all.size()]);
    }
    CHECK(seen == all);
}

TEST_CASE("a list is filtered by state, and a job that is due counts as queued") {
    StoredJobs world;
    const auto ran = world.submit(), queued = world.submit();
    world.run(ran);
    auto later = world.prepared();
    later.job.run_at = world.now + 10s;
    later.job.state = values::JobState::scheduled;
    const auto scheduled = world.store(later).id;
    const auto of = [&](values::JobState state) {
        job_repository::Filter filter;
        filter.state = state;
        return list(world, filter);
    };
    CHECK(of(values::JobState::succeeded) == Ids{ran});
    CHECK(of(values::JobState::queued) == Ids{queued});
    CHECK(of(values::JobState::scheduled) == Ids{scheduled});
    world.pass(10s);
    CHECK(of(values::JobState::queued) == Ids{scheduled, queued});
    CHECK(of(values::JobState::scheduled).empty());
}

TEST_CASE("a list is filtered by kind, queue and time") {
    StoredJobs world;
    auto wanted = world.prepared();
    wanted.job.kind = "sleep";
    const auto sleeper = world.store(wanted).id;
    world.pass(1h);
    auto other = world.prepared();
    other.job.queue = "other";
    const auto elsewhere = world.store(other).id;
    job_repository::Filter filter;
    filter.kind = "sleep";
    CHECK(list(world, filter) == Ids{sleeper});
    filter = {};
    filter.queue = "other";
    CHECK(list(world, filter) == Ids{elsewhere});
    filter = {};
    filter.created_after = world.now;
    CHECK(list(world, filter) == Ids{elsewhere});
    filter = {};
    filter.created_before = world.now;
    CHECK(list(world, filter) == Ids{sleeper});
}

TEST_CASE("a list is filtered by how an id begins, waiting or ended, and pages go on within that") {
    StoredJobs world;
    const auto a = world.submit();
    std::this_thread::sleep_for(2ms); // ids begin with the time
    const auto b = world.submit();
    world.run(b);
    constexpr std::size_t of_time = 13;
    job_repository::Filter filter;
    filter.id_begins = b.text().substr(0, of_time);
    CHECK(list(world, filter) == Ids{b});
    filter.id_begins = a.text();
    CHECK(list(world, filter) == Ids{a});
    filter.before = a;
    CHECK(list(world, filter).empty());
    filter = {};
    filter.id_begins = a.text().substr(0, 4);
    filter.before = b;
    CHECK(list(world, filter) == Ids{a});
}

TEST_CASE("a tag is found as it was written, and no other that looks like it") {
    StoredJobs world;
    const auto plain = tagged(world, R"({"site":"north","line":"3"})");
    const auto percent = tagged(world, R"({"site":"n%th"})");
    const auto under = tagged(world, R"({"si_e":"north"})");
    const auto quoted = tagged(world, R"({"site":"say \"hi\" ~"})");
    const auto upper = tagged(world, R"({"site":"NORTH"})");
    const auto inside = tagged(world, R"({"a\"site":"south"})");
    const auto with = [&](std::string name, std::string value) {
        job_repository::Filter filter;
        filter.tag = {std::move(name), std::move(value)};
        return list(world, filter);
    };
    CHECK(with("site", "north") == Ids{plain});
    CHECK(with("line", "3") == Ids{plain});
    CHECK(with("site", "n%th") == Ids{percent});
    CHECK(with("si_e", "north") == Ids{under});
    CHECK(with("site", "say \"hi\" ~") == Ids{quoted});
    CHECK(with("site", "nor").empty());
    CHECK(with("site", "%").empty());
    CHECK(with("ite", "north").empty());
    CHECK(with("site", "NORTH") == Ids{upper});
    CHECK(with("Site", "north").empty());
    CHECK(with("site", "south").empty());
    CHECK(with("a\"site", "south") == Ids{inside});
}

TEST_CASE("another organisation sees none of them") {
    StoredJobs world;
    const auto id = world.submit();
    store::OrganizationSession other{world.session, OrganizationId::make()};
    CHECK(job_repository::list(other, {}, world.now).items.empty());
    CHECK_FALSE(job_repository::find(other, id));
    CHECK(job_repository::attempts(other, id).empty());
}

TEST_CASE("a page ends where its bytes are used up, after one job at least") {
    StoredJobs world;
    Ids all;
    for (int i = 0; i < 12; ++i) {
        auto wanted = world.prepared();
        wanted.job.payload = '"' + std::string(1 << 20, 'x') + '"';
        all.insert(all.begin(), world.store(wanted).id);
    }
    auto tenant = world.tenant();
    job_repository::Filter filter;
    Ids seen;
    for (int pages = 0; pages < 12; ++pages) {
        const auto page = job_repository::list(tenant, filter, world.now);
        CHECK(page.items.size() <= 4);
        for (const auto& job : page.items) seen.push_back(job.id);
        filter.before = page.next;
        if (!page.next) break;
    }
    CHECK(seen == all);
}

TEST_CASE("a filter that fits little is looked for a bounded number of rows at a time, and nothing is left out") {
    StoredJobs world;
    Ids wanted_ids;
    for (int i = 0; i < 300; ++i) {
        auto wanted = world.prepared();
        if (i % 100 == 7) wanted.job.kind = "seldom";
        const auto id = world.store(wanted).id;
        if (i % 100 == 7) wanted_ids.insert(wanted_ids.begin(), id);
        if (i % 3 == 0) world.run(id);
        if (i % 10 == 0) std::this_thread::sleep_for(2ms); // a look ends where the time of the ids changes
    }
    auto tenant = world.tenant();
    job_repository::Filter filter;
    filter.kind = "seldom";
    Ids seen;
    int looks = 0;
    for (; looks < 300; ++looks) {
        const auto page = job_repository::list(tenant, filter, world.now, 20);
        for (const auto& job : page.items) seen.push_back(job.id);
        filter.before = page.next;
        if (!page.next) break;
    }
    CHECK(seen == wanted_ids);
    CHECK(looks > 3);
}

TEST_CASE("where a look ends says nothing of another organisation's jobs but their time") {
    StoredJobs world;
    Ids others;
    for (int i = 0; i < 30; ++i) {
        others.push_back(world.submit());
        std::this_thread::sleep_for(2ms);
    }
    store::OrganizationSession stranger{world.session, OrganizationId::make()};
    job_repository::Filter filter;
    int looks = 0;
    for (; looks < 100; ++looks) {
        const auto page = job_repository::list(stranger, filter, world.now, 5);
        CHECK(page.items.empty());
        if (!page.next) break;
        CHECK(std::find(others.begin(), others.end(), *page.next) == others.end());
        filter.before = page.next;
    }
    CHECK(looks >= 4);
}

TEST_CASE("each filter of a list finds the same by the way that it takes") {
    StoredJobs world;
    const auto queued = world.submit(), ran = world.submit(), dead = world.submit();
    world.run(ran);
    world.die(dead);
    const auto of = [&](auto set) {
        job_repository::Filter filter;
        set(filter);
        return list(world, filter);
    };
    using values::JobState;
    CHECK(of([](auto& f) { f.state = JobState::dead; }) == Ids{dead});
    CHECK(of([](auto& f) { f.state = JobState::succeeded; }) == Ids{ran});
    CHECK(of([](auto& f) { f.state = JobState::queued; }) == Ids{queued});
    CHECK(of([](auto& f) { f.state = JobState::running; }).empty());
    CHECK(of([](auto& f) { f.flow = FlowId::make(); }).empty());
}
