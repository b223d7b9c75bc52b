// What a task of the writer has changed, for those who must hear of it: plain structs of the rooms that make them, in
// the order in which they were published. They follow the transaction: what is taken back is never heard of. Owned by
// the session while the task runs, then by the writer; a change itself is shared by all who hear of it.
#pragma once
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace millrace::store {

class Changes {
public:
    using Kind = const void*; // stands for a type of change
    template <class Change>
    static Kind kind() {
        return &tag<Change>;
    }
    struct Item {
        Kind kind = nullptr;
        std::shared_ptr<const void> change; // of the type that `kind` stands for
    };

    template <class Change>
    void append(Change change) {
        items_.push_back({kind<Change>(), std::make_shared<const Change>(std::move(change))});
    }
    void append(Changes&& others) {
        for (auto& item : others.items_) items_.push_back(std::move(item));
        others.items_.clear();
    }
    void truncate(std::size_t size) { items_.resize(size); } // to the first so many
    void clear() { items_.clear(); }
    std::size_t size() const { return items_.size(); }
    bool empty() const { return items_.empty(); }
    auto begin() const { return items_.begin(); }
    auto end() const { return items_.end(); }

private:
    template <class Change>
    static inline char tag = 0; // its address is what counts
    std::vector<Item> items_;
};

} // namespace millrace::store
