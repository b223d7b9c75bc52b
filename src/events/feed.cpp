#include "events/feed.hpp"

namespace millrace::events {

void Feed::add(store::Changes::Kind kind, Hear hear) { subscribers_.lock()->by_kind[kind].push_back(std::move(hear)); }

void Feed::subscribe_to_ends(std::function<void()> end) { subscribers_.lock()->ends.push_back(std::move(end)); }

void Feed::deliver(const store::Changes& changes) const {
    const auto subscribers = subscribers_.lock();
    for (const auto& [kind, change] : changes)
        if (const auto at = subscribers->by_kind.find(kind); at != subscribers->by_kind.end())
            for (const auto& hear : at->second) hear(change);
    for (const auto& end : subscribers->ends) end();
}

} // namespace millrace::events
