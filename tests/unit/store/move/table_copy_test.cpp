#include "unit/store/move/two_stores.hpp"

using namespace millrace;
using namespace millrace::store;

namespace {

struct Fixture : test::TwoStores {
    Fixture() { add_organizations(0, 50); }
    // How many chunks a round copies again, after which both sides are alike.
    std::int64_t round(std::int64_t chunk_rows = 10) {
        auto organizations = copy("organizations", chunk_rows);
        const auto changed = organizations.drop_changed();
        organizations.copy_missing();
        CHECK(organizations.source_sum() == organizations.target_sum());
        return changed;
    }
};

} // namespace

TEST_CASE("a table is copied, in place of what a new database has in it") {
    Fixture fixture;
    auto copy = fixture.copy("organizations", 10);
    CHECK(copy.drop_changed() == 0);
    CHECK(copy.copy_missing() == 51);
    CHECK(copy.source_sum().rows == 51);
    CHECK(copy.source_sum() == copy.target_sum());
    CHECK(fixture.round() == 0);
    CHECK(fixture.copy("organizations", 10).copy_missing() == 0);
}

TEST_CASE("what the source changes after it was copied is copied again, and nothing else") {
    Fixture fixture;
    fixture.round();
    fixture.source.script("UPDATE organizations SET weight = 2 WHERE id = 'o005'");
    CHECK(fixture.round() == 1);
    fixture.source.script("DELETE FROM organizations WHERE id = 'o005'");
    CHECK(fixture.round() == 1);
    fixture.source.script("DELETE FROM organizations");
    CHECK(fixture.round() > 4);
    CHECK(fixture.copy("organizations", 10).target_sum().rows == 0);
    fixture.add_organizations(0, 3);
    CHECK(fixture.round() > 0);
}

TEST_CASE("rows are found wherever their keys are: before, between and behind what was copied") {
    Fixture fixture;
    fixture.round();
    for (const char* id : {"!", "o0055", "o999", "zzz"}) {
        fixture.source.script(fmt::format("INSERT INTO organizations VALUES ('{0}', '{0}', 1, 1)", id));
        CHECK(fixture.round() == 1);
    }
    fixture.add_organizations(100, 150); // more than a chunk behind the end
    CHECK(fixture.round() == 1);
    CHECK(fixture.round(3) == 0);
}

TEST_CASE("a name that goes from one row to another is in nobody's way") {
    Fixture fixture;
    fixture.round();
    fixture.source.script(
        "DELETE FROM organizations WHERE id = 'o040'; INSERT INTO organizations VALUES ('o0001', 'name "
        "40', 1, 1)");
    CHECK(fixture.round() == 2);
}

TEST_CASE("a copy that was interrupted goes on where it was") {
    Fixture fixture;
    {
        auto copy = fixture.copy("organizations", 10);
        copy.copy_missing();
        // As if it had been killed: some ranges are not there, and left rows of another time.
        fixture.target.script("DELETE FROM move_ranges WHERE after_key <> '' AND after_key < '[\"o0200\"]'; UPDATE "
                              "organizations SET weight = 9 WHERE id = 'o015'; INSERT INTO organizations VALUES "
                              "('o0155', 'stray', 1, 1)");
    }
    auto copy = fixture.copy("organizations", 10);
    CHECK(copy.drop_changed() == 0);
    const auto copied = copy.copy_missing();
    CHECK(copied >= 10);
    CHECK(copied < 51);
    CHECK(copy.source_sum() == copy.target_sum());
}

TEST_CASE("what was changed in the target is seen, and copied anew once it is distrusted") {
    Fixture fixture;
    fixture.round();
    fixture.target.script("UPDATE organizations SET weight = 9 WHERE id = 'o015'");
    auto copy = fixture.copy("organizations", 10);
    CHECK(copy.drop_changed() == 0);
    CHECK(copy.source_sum() != copy.target_sum());
    copy.distrust();
    CHECK(fixture.round() == 0);
}

TEST_CASE("keys of several columns and of numbers bound ranges as well") {
    test::TwoStores stores;
    for (int i = 0; i < 30; ++i) {
        stores.source.script(
            fmt::format("INSERT INTO job_attempts (job_id, attempt, organization_id, started_at, ended_at, "
                        "outcome) VALUES ('j{}', {}, 'o', 1, 2, 'failed')",
                        i / 12, i % 12));
        stores.source.script(
            "INSERT INTO events (organization_id, type, subject, data, created_at) VALUES ('o', 't', 's', "
            "'{}', 1)");
    }
    for (const char* table : {"job_attempts", "events"}) {
        auto copy = stores.copy(table, 7);
        CHECK(copy.copy_missing() == 30);
        CHECK(copy.source_sum() == copy.target_sum());
    }
    stores.source.script(
        "DELETE FROM job_attempts WHERE job_id = 'j1' AND attempt = 10; DELETE FROM events WHERE id = 9");
    for (const char* table : {"job_attempts", "events"}) {
        auto copy = stores.copy(table, 7);
        CHECK(copy.drop_changed() == 1);
        copy.copy_missing();
        CHECK(copy.source_sum() == copy.target_sum());
        CHECK(copy.source_sum().rows == 29);
    }
}
