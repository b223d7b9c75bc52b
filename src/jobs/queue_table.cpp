#include "jobs/queue_table.hpp"

namespace millrace::jobs {

Queue* QueueTable::queue(const OrganizationId& organization, std::string_view name) {
    auto entries = entries_.lock();
    Key key{organization, name};
    if (const auto at = entries->queues.find(key); at != entries->queues.end()) return at->second.get();
    if (entries->count[organization] >= most_queues) return nullptr;
    ++entries->count[organization];
    auto made = std::make_unique<Queue>(organization, key.second);
    return entries->queues.emplace(std::move(key), std::move(made)).first->second.get();
}

Queue* QueueTable::find_queue(const OrganizationId& organization, std::string_view name) {
    auto entries = entries_.lock();
    const auto at = entries->queues.find({organization, std::string{name}});
    return at == entries->queues.end() ? nullptr : at->second.get();
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

std::vector<Queue*> QueueTable::queues() {
    std::vector<Queue*> all;
    auto entries = entries_.lock();
    for (auto& [key, queue] : entries->queues) all.push_back(queue.get());
    return all;
}

std::vector<Queue*> QueueTable::queues(const OrganizationId& organization) {
    std::vector<Queue*> its;
    auto entries = entries_.lock();
    for (auto& [key, queue] : entries->queues)
        if (key.first == organization) its.push_back(queue.get());
    return its;
}

std::vector<Resource*> QueueTable::resources() {
    std::vector<Resource*> all;
    auto entries = entries_.lock();
    for (auto& [key, resource] : entries->resources) all.push_back(resource.get());
    return all;
}

} // namespace millrace::jobs
