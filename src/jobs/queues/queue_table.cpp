#include "jobs/queues/queue_table.hpp"

namespace millrace::jobs {

double& MeanSeconds::at(std::string_view kind, double first) {
    if (const auto at = by_kind_.find(kind); at != by_kind_.end()) return at->second;
    const bool shares = by_kind_.size() >= most_kinds;
    return by_kind_.try_emplace(shares ? std::string{} : std::string{kind}, first).first->second;
}

std::optional<double> MeanSeconds::find(std::string_view kind) const {
    auto at = by_kind_.find(kind);
    if (at == by_kind_.end() && by_kind_.size() >= most_kinds) at = by_kind_.find("");
    return at == by_kind_.end() ? std::nullopt : std::optional{at->second};
}

double MeanSeconds::over_all() const {
    double sum = 0;
    for (const auto& [kind, mean] : by_kind_) sum += mean;
    return by_kind_.empty() ? 0 : sum / static_cast<double>(by_kind_.size());
}

QueuePtr QueueTable::queue(const OrganizationId& organization, std::string_view name) {
    auto entries = entries_.lock();
    Key key{organization, name};
    if (const auto at = entries->queues.find(key); at != entries->queues.end()) return at->second;
    ++entries->count[organization];
    auto made = std::make_shared<Queue>(organization, key.second);
    return entries->queues.emplace(std::move(key), std::move(made)).first->second;
}

QueuePtr QueueTable::find_queue(const OrganizationId& organization, std::string_view name) {
    auto entries = entries_.lock();
    const auto at = entries->queues.find({organization, std::string{name}});
    return at == entries->queues.end() ? nullptr : at->second;
}

bool QueueTable::admits(const OrganizationId& organization, std::string_view name) {
    auto entries = entries_.lock();
    const auto count = entries->count.find(organization);
    if (count == entries->count.end() || count->second < most_queues) return true;
    if (entries->queues.contains({organization, std::string{name}})) return true;
    give_up_unused(*entries, organization);
    return entries->count[organization] < most_queues;
}

// A part of them at once, so that the next names need no look at all of them.
void QueueTable::give_up_unused(Entries& entries, const OrganizationId& organization) {
    constexpr std::size_t most = most_queues / 4;
    std::size_t given_up = 0;
    for (auto at = entries.queues.lower_bound({organization, ""});
         at != entries.queues.end() && at->first.first == organization && given_up < most;) {
        auto& queue = at->second;
        // Shared by nobody else: references to it are got under this lock alone.
        if (queue.use_count() > 1 || queue->has_rules() || queue->waiting.load(std::memory_order_relaxed) != 0) {
            ++at;
            continue;
        }
        entries.given_up.push_back(std::move(queue));
        at = entries.queues.erase(at);
        ++given_up;
    }
    entries.count[organization] -= given_up;
}

std::size_t QueueTable::count(const OrganizationId& organization) {
    auto entries = entries_.lock();
    const auto count = entries->count.find(organization);
    return count == entries->count.end() ? 0 : count->second;
}

std::vector<QueuePtr> QueueTable::take_given_up() {
    auto entries = entries_.lock();
    return std::exchange(entries->given_up, {});
}

Resource& QueueTable::resource(const OrganizationId& organization, std::string_view kind, std::string_view name) {
    auto entries = entries_.lock();
    auto& entry = entries->resources[{organization, std::string{kind} + '/' + std::string{name}}];
    if (!entry) {
        entry = std::make_unique<Resource>();
        entry->organization = organization;
        entry->kind = kind;
        entry->name = name;
    }
    return *entry;
}

Resource* QueueTable::find_resource(const OrganizationId& organization, std::string_view kind, std::string_view name) {
    auto entries = entries_.lock();
    const auto at = entries->resources.find({organization, std::string{kind} + '/' + std::string{name}});
    return at == entries->resources.end() ? nullptr : at->second.get();
}

std::vector<QueuePtr> QueueTable::queues() {
    std::vector<QueuePtr> all;
    auto entries = entries_.lock();
    all.reserve(entries->queues.size());
    for (const auto& [key, queue] : entries->queues) all.push_back(queue);
    return all;
}

std::vector<Resource*> QueueTable::resources() {
    std::vector<Resource*> all;
    auto entries = entries_.lock();
    for (auto& [key, resource] : entries->resources) all.push_back(resource.get());
    return all;
}

} // namespace millrace::jobs
