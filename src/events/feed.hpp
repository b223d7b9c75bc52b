// The change feed: every durable change that others must hear of, in the order of the commits. Whoever makes a change
// publishes it in the transaction that makes it (store::SystemSession::publish), as a plain struct of its own room;
// whoever follows it subscribes to that type here: the dispatcher, the caches, those who wait for a job, and event
// streams. So what is kept in memory is the commits replayed: a change of the same thing is never heard before an
// earlier one.
//
// With one database and one daemon the writer's thread delivers, group by group: all of a group before any of its
// tasks is acknowledged. Changes that reach another daemon on the same database go by the numbers of the stored events
// (events/event_log.hpp).
#pragma once
#include "async/guarded.hpp"
#include "store/changes.hpp"

#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace millrace::events {

class Feed {
public:
    // `hear` is called on the writer's thread, after the commit, with what all subscribers share. Quick: it takes note
    // or leaves a message, and does not throw. Those of one type are called in the order in which they subscribed.
    // Subscribers outlive the database's last commit. Any thread, before the writes that it must not miss.
    template <class Change>
    void subscribe(std::function<void(const std::shared_ptr<const Change>&)> hear) {
        add(store::Changes::kind<Change>(), [hear = std::move(hear)](const std::shared_ptr<const void>& change) {
            hear(std::static_pointer_cast<const Change>(change));
        });
    }

    // `end` is called after all that one commit has brought: for whoever takes it on together.
    void subscribe_to_ends(std::function<void()> end);

    // For the store (store::SqliteOptions::on_commit), which calls it after each commit, on the writer's thread. The
    // feed outlives the database.
    std::function<void(const store::Changes&)> on_commit() const {
        return [this](const store::Changes& changes) { deliver(changes); };
    }

private:
    void deliver(const store::Changes& changes) const;
    using Hear = std::function<void(const std::shared_ptr<const void>&)>;
    void add(store::Changes::Kind kind, Hear hear);

    struct Subscribers {
        std::unordered_map<store::Changes::Kind, std::vector<Hear>> by_kind;
        std::vector<std::function<void()>> ends;
    };
    mutable async::Guarded<Subscribers> subscribers_;
};

} // namespace millrace::events
