// A binary heap that can be gone through, so that what is of no more use in its middle can be taken out. `Later(a, b)`:
// a comes after b. The memory follows what is in it. Owned by one thread.
#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace millrace::jobs {

template <class T, class Later>
class TimeHeap {
public:
    bool empty() const { return all_.empty(); }
    std::size_t size() const { return all_.size(); }
    const T& top() const { return all_.front(); } // the earliest
    void push(T value) {
        all_.push_back(std::move(value));
        std::push_heap(all_.begin(), all_.end(), Later{});
    }
    void pop() {
        std::pop_heap(all_.begin(), all_.end(), Later{});
        all_.pop_back();
        if (all_.capacity() > 4 * all_.size() + 1024) all_.shrink_to_fit();
    }
    // Goes through all of it.
    template <class Unused>
    void erase_if(Unused unused) {
        if (std::erase_if(all_, unused) == 0) return;
        all_.shrink_to_fit();
        std::make_heap(all_.begin(), all_.end(), Later{});
    }

private:
    std::vector<T> all_;
};

} // namespace millrace::jobs
