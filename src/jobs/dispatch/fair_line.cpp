#include "jobs/dispatch/fair_line.hpp"

#include <algorithm>

namespace millrace::jobs {

OwnerIndex Owners::find_or_add(const OrganizationId& organization, const ActorId& actor, int organization_weight,
                               int key_weight) {
    const auto [its, new_organization] =
        organization_by_id_.try_emplace(organization, static_cast<std::uint32_t>(organizations_.size()));
    if (new_organization) organizations_.emplace_back();
    if (organization_weight > 0) organizations_[its->second].weight = organization_weight;
    const auto [at, new_key] = key_by_id_.try_emplace({organization, actor}, static_cast<OwnerIndex>(keys_.size()));
    if (new_key) keys_.push_back({its->second, 1, 0});
    if (key_weight > 0) keys_[at->second].weight = key_weight;
    return at->second;
}

void Owners::arrived(OwnerIndex owner) {
    auto& key = keys_[owner];
    auto& organization = organizations_[key.organization];
    key.time = std::max(key.time, organization.clock);
    organization.time = std::max(organization.time, clock_);
}

// From the present virtual time on, also for one that is behind it because its lanes were closed: the turns that it
// could not take are gone.
void Owners::served(OwnerIndex owner) {
    auto& key = keys_[owner];
    auto& organization = organizations_[key.organization];
    organization.clock = std::max(organization.clock, key.time);
    clock_ = std::max(clock_, organization.time);
    key.time = organization.clock + 1 / key.weight;
    organization.time = clock_ + 1 / organization.weight;
}

void FairLine::push(const Waiting& job, Owners& owners, Monotonic now, Place place) {
    if (size_ == 0) unserved_since_ = now;
    auto& line = lines_[job.owner];
    if (line.jobs.empty()) {
        owners.arrived(job.owner);
        line.turn = owners.turn(job.owner);
        turns_.emplace(line.turn, job.owner);
    }
    if (size_ == 0 || job.due < oldest_) oldest_ = job.due;
    if (place == Place::behind) line.jobs.push_back(job);
    else line.jobs.push_front(job);
    ++size_;
}

OwnerIndex FairLine::next_owner(const Owners& owners) {
    for (;;) {
        const auto [turn, owner] = *turns_.begin();
        const double present = owners.turn(owner);
        if (turn >= present) return owner;
        turns_.erase(turns_.begin()); // it was served in another lane meanwhile
        lines_.at(owner).turn = present;
        turns_.emplace(present, owner);
    }
}

Waiting FairLine::pop(OwnerIndex owner) {
    const auto at = lines_.find(owner);
    auto& line = at->second;
    const Waiting job = line.jobs.front();
    line.jobs.pop_front();
    --size_;
    if (line.jobs.empty()) {
        turns_.erase({line.turn, owner});
        lines_.erase(at);
    }
    return job;
}

void FairLine::refresh() {
    if (size_ == 0) return;
    oldest_ = lines_.begin()->second.jobs.front().due;
    for (const auto& [owner, line] : lines_) oldest_ = std::min(oldest_, line.jobs.front().due);
}

} // namespace millrace::jobs
