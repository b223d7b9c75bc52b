// A store task on its way: what the caller asked for, its outcome, and how to wake the caller. One allocation each.
#pragma once
#include "async/awaitable.hpp"
#include "store/sql.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/prefer.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace millrace::store {

class Operation {
public:
    virtual ~Operation() = default;

    // Runs the task on a store thread, inside a transaction, and keeps its outcome in place of an earlier one. False
    // when the task returned an error. Exceptions of the task leave by themselves.
    virtual bool run(SystemSession& session) = 0;
    // Replaces the outcome.
    virtual void fail(const Error& error) = 0;
    // Where deliver() has to be called; nullptr: on the calling thread.
    virtual const asio::any_io_executor* executor() const { return nullptr; }
    // Hands the outcome over. Called once, last.
    virtual void deliver() = 0;

    bool limited = true;       // a read: stopped when it runs for too long
    Operation* next = nullptr; // chain of the queue or group that owns it
};

// A chain of operations in the order of their arrival. Owns what is in it.
class OperationList {
public:
    OperationList() = default;
    OperationList(OperationList&& other) noexcept
        : first_{std::exchange(other.first_, nullptr)},
          last_{std::exchange(other.last_, nullptr)},
          size_{std::exchange(other.size_, 0)} {}
    OperationList& operator=(OperationList&&) = delete;
    ~OperationList() {
        while (pop()) {}
    }

    bool empty() const { return first_ == nullptr; }
    std::size_t size() const { return size_; }
    Operation* first() const { return first_; }
    void push(std::unique_ptr<Operation> operation) {
        Operation* added = operation.release();
        added->next = nullptr;
        (last_ ? last_->next : first_) = added;
        last_ = added;
        ++size_;
    }
    // Takes all of `other`; this list must be empty.
    void take(OperationList& other) {
        std::swap(first_, other.first_);
        std::swap(last_, other.last_);
        std::swap(size_, other.size_);
    }
    // Takes the first `count` off.
    OperationList split(std::size_t count) {
        OperationList front;
        if (size_ <= count) {
            front.take(*this);
        } else {
            while (front.size() < count) front.push(pop());
        }
        return front;
    }
    std::unique_ptr<Operation> pop() {
        std::unique_ptr<Operation> taken{first_};
        if (!taken) return taken;
        first_ = taken->next;
        if (!first_) last_ = nullptr;
        --size_;
        return taken;
    }

private:
    Operation* first_ = nullptr;
    Operation* last_ = nullptr;
    std::size_t size_ = 0;
};

// Delivers every outcome: those with an executor in one post an executor, the others here.
void deliver_all(OperationList operations);

template <class Task>
using TaskResult = std::invoke_result_t<const Task&, SystemSession&>;

// A write may run again after its group was taken back. So tasks are called as const: what they hold is the same then.

// A task for one organisation: `task(OrganizationSession&)`.
template <class Task>
struct OrganizationTask {
    OrganizationId organization;
    Task task;
    auto operator()(SystemSession& session) const {
        OrganizationSession its{session, organization};
        return task(its);
    }
};
template <class Task>
OrganizationTask(OrganizationId, Task) -> OrganizationTask<Task>;

// For coroutines: resumes the handler on its own executor.
template <class Task, class Handler>
class ResumingOperation final : public Operation {
public:
    using Outcome = TaskResult<Task>;

    ResumingOperation(Task task, Handler handler)
        : task_{std::move(task)},
          handler_{std::move(handler)},
          // The executor is kept busy until the outcome arrives, or its run() could return before.
          executor_{asio::prefer(asio::any_io_executor{asio::get_associated_executor(handler_)},
                                 asio::execution::outstanding_work.tracked)} {}

    bool run(SystemSession& session) override { return outcome_.emplace(std::as_const(task_)(session)).has_value(); }
    void fail(const Error& error) override { outcome_.emplace(error); }
    const asio::any_io_executor* executor() const override { return &executor_; }
    void deliver() override { std::move(handler_)(std::move(*outcome_)); }

private:
    Task task_;
    Handler handler_;
    asio::any_io_executor executor_;
    std::optional<Outcome> outcome_;
};

// For callers on no coroutine: calls back on the store thread.
template <class Task, class Done>
class CallingOperation final : public Operation {
public:
    using Outcome = TaskResult<Task>;

    CallingOperation(Task task, Done done) : task_{std::move(task)}, done_{std::move(done)} {}
    bool run(SystemSession& session) override { return outcome_.emplace(std::as_const(task_)(session)).has_value(); }
    void fail(const Error& error) override { outcome_.emplace(error); }
    void deliver() override { done_(std::move(*outcome_)); }

private:
    Task task_;
    Done done_;
    std::optional<Outcome> outcome_;
};

} // namespace millrace::store
