#include "api/live/change_text.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

constexpr std::string_view at = "2026-01-02T03:04:05.000000Z";

json::object data_of(const events::LiveEntry& entry) {
    CHECK(entry.data.find('\n') == std::string::npos);
    return parse_json(entry.data)->as_object();
}

} // namespace

TEST_CASE("an arrival says what came and how it is, with names that need escaping") {
    jobs::Arrived change;
    change.id = JobId::make();
    change.queue = "a \"quoted\"\nqueue";
    change.kind = "echo";
    change.state = values::JobState::scheduled;
    change.due = *Timestamp::parse("2030-01-01T00:00:00Z");
    const auto entry = change_entry(change, at);
    CHECK(entry.kind == events::LiveEntry::Kind::state);
    CHECK(entry.job == change.id);
    CHECK(entry.to == values::JobState::scheduled);
    const auto data = data_of(entry);
    CHECK(data.at("type") == "job.state");
    CHECK(data.at("id").as_string() == change.id.text());
    CHECK(data.at("queue").as_string() == change.queue);
    CHECK(data.at("state") == "scheduled");
    CHECK(data.at("run_at") == "2030-01-01T00:00:00.000000Z");
    CHECK(data.at("at").as_string() == at);
    CHECK_FALSE(data.contains("from"));
}

TEST_CASE("one that runs as it comes is running") {
    jobs::Arrived change;
    auto lease = std::make_shared<jobs::Lease>();
    lease->attempt = 1;
    change.lease = lease;
    const auto data = data_of(change_entry(change, at));
    CHECK(data.at("state") == "running");
    CHECK(data.at("attempt") == 1);
}

TEST_CASE("a move says from where to where, and a wait until when") {
    jobs::Moved change;
    change.from = values::JobState::running;
    change.to = values::JobState::succeeded;
    auto data = data_of(change_entry(change, at));
    CHECK(data.at("from") == "running");
    CHECK(data.at("state") == "succeeded");
    CHECK_FALSE(data.contains("run_at"));
    change.to = values::JobState::scheduled;
    CHECK(data_of(change_entry(change, at)).contains("run_at"));
}

TEST_CASE("a stored event is sent as it is listed, and belongs to the queue that it names") {
    const auto job = JobId::make();
    const events::Event dead{7, "job.dead", job.text(), R"({"queue":"night","kind":"echo"})", *Timestamp::parse(at)};
    const auto entry = change_entry(dead);
    CHECK(entry.number == 7);
    CHECK(entry.queue == "night");
    CHECK(entry.job == job);
    const auto data = data_of(entry);
    CHECK(data.at("id") == 7);
    CHECK(data.at("data").at("kind") == "echo");
    const events::Event paused{8, "queue.paused", "day", "{}", *Timestamp::parse(at)};
    CHECK(change_entry(paused).queue == "day");
    CHECK_FALSE(change_entry(paused).job);
}

TEST_CASE("a sample names jobs as they were last and counts the rest") {
    const auto job = JobId::make();
    const auto data = data_of(sample_entry({{job, {values::JobState::running, 40}}}, 12, at));
    CHECK(data.at("more") == 12);
    const auto& first = data.at("jobs").as_array().at(0).as_object();
    CHECK(first.at("id").as_string() == job.text());
    CHECK(first.at("state") == "running");
    CHECK(first.at("progress_percent") == 40);
    CHECK(data_of(sample_entry({}, 1, at)).at("jobs").as_array().empty());
}

TEST_CASE("a notice is a whole event") {
    CHECK(notice_text("reset", "gone", "1-a-2") ==
          "id: 1-a-2\nevent: reset\ndata: {\"type\":\"reset\",\"reason\":\"gone\"}\n\n");
    CHECK(notice_text("end", "ended") == "event: end\ndata: {\"type\":\"end\",\"reason\":\"ended\"}\n\n");
}
