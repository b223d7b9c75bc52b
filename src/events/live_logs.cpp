#include "events/live_logs.hpp"

#include "base/crypto.hpp"

#include <fmt/format.h>

namespace millrace::events {
namespace {

constexpr int again_after_seconds = 5;

void count_down(auto& counts, const auto& key) {
    const auto at = counts.find(key);
    if (at != counts.end() && --at->second == 0) counts.erase(at);
}

} // namespace

Result<LiveLogs::Ticket> LiveLogs::admit(const values::Principal& who) {
    auto state = state_.lock();
    if (state->closed) return Error{Code::unavailable, "the daemon is stopping", 1};
    auto& of_actor = state->of_actor[who.actor];
    auto& of_organization = state->of_organization[who.organization];
    const auto share = limits_.streams - limits_.streams / 4;
    if (of_actor >= limits_.of_key || of_organization >= share || state->streams >= limits_.streams) {
        if (of_actor == 0) state->of_actor.erase(who.actor);
        if (of_organization == 0) state->of_organization.erase(who.organization);
        return Error{Code::rate_limited,
                     fmt::format("too many event streams at once: a key may have {}, an organisation {}; close one "
                                 "first",
                                 limits_.of_key, share),
                     again_after_seconds};
    }
    ++of_actor;
    ++of_organization;
    ++state->streams;
    return Ticket{*this, who};
}

void LiveLogs::leave(const OrganizationId& organization, const ActorId& actor) {
    auto state = state_.lock();
    count_down(state->of_actor, actor);
    count_down(state->of_organization, organization);
    --state->streams;
}

std::shared_ptr<LiveLog> LiveLogs::log_of(const OrganizationId& organization) {
    auto state = state_.lock();
    auto& log = state->logs[organization];
    if (!log) {
        log = std::make_shared<LiveLog>(fmt::format("{:016x}", random64()), limits_.log);
        if (state->closed) log->close();
    }
    logs_ = state->logs.size();
    return log;
}

std::shared_ptr<LiveLog> LiveLogs::find(const OrganizationId& organization) {
    auto state = state_.lock();
    const auto at = state->logs.find(organization);
    return at == state->logs.end() ? nullptr : at->second;
}

std::vector<std::pair<OrganizationId, std::shared_ptr<LiveLog>>> LiveLogs::all() {
    auto state = state_.lock();
    return {state->logs.begin(), state->logs.end()};
}

void LiveLogs::leave_out() {
    for (const auto& [organization, log] : all()) log->leave_out();
}

void LiveLogs::tidy(Monotonic now) {
    auto state = state_.lock();
    // One that somebody is about to follow is held by him: it stays.
    std::erase_if(state->logs,
                  [&](const auto& each) { return each.second->tidy(now) && each.second.use_count() == 1; });
    logs_ = state->logs.size();
}

void LiveLogs::close() {
    state_.lock()->closed = true;
    for (const auto& [organization, log] : all()) log->close();
}

std::size_t LiveLogs::streams() { return state_.lock()->streams; }

} // namespace millrace::events
