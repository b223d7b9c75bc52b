// A value that can be reached only with its lock held: auto queue = queue_.lock(); queue->push(job);
#pragma once
#include <mutex>
#include <utility>

namespace millrace::async {

template <class T>
class Guarded {
public:
    template <class... Args>
    explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

    class Access {
    public:
        explicit Access(Guarded& owner) : lock_(owner.mutex_), value_(&owner.value_) {}
        T* operator->() const { return value_; }
        T& operator*() const { return *value_; }
        std::unique_lock<std::mutex>& mutex() { return lock_; } // to wait on a condition variable

    private:
        std::unique_lock<std::mutex> lock_;
        T* value_;
    };

    Access lock() { return Access{*this}; }

private:
    std::mutex mutex_;
    T value_;
};

} // namespace millrace::async
