// Several writes in one group of the writer.
#pragma once
#include "unit/store/fixture.hpp"

#include <functional>
#include <future>
#include <latch>
#include <vector>

namespace millrace::store::test {

using WriteTask = std::function<Result<void>(SystemSession&)>;

// Keeps the writer busy until let go, so that what is posted meanwhile forms one group.
class Blocker {
public:
    explicit Blocker(Database& database) {
        database.post_write(
            [this](SystemSession&) -> Result<void> {
                entered_.count_down();
                gate_.wait();
                return success();
            },
            [](const Result<void>&) {});
        entered_.wait();
    }
    void release() { gate_.count_down(); }

private:
    std::latch entered_{1}, gate_{1};
};

// Posts all tasks into one group and returns their outcomes in order.
inline std::vector<Result<void>> run_as_group(Database& database, std::vector<WriteTask> tasks) {
    std::vector<std::promise<Result<void>>> promises(tasks.size());
    Blocker blocker{database};
    for (std::size_t i = 0; i < tasks.size(); ++i)
        database.post_write(tasks[i],
                            [&promise = promises[i]](Result<void> outcome) { promise.set_value(std::move(outcome)); });
    blocker.release();
    std::vector<Result<void>> outcomes;
    for (auto& promise : promises) outcomes.push_back(promise.get_future().get());
    return outcomes;
}

} // namespace millrace::store::test
