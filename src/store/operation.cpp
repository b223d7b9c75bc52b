#include "store/operation.hpp"

#include <vector>

namespace millrace::store {
namespace {

// What one executor gets: shared because a posted function must be copyable for any_io_executor's queue.
struct Bundle {
    const asio::any_io_executor* executor;
    std::shared_ptr<OperationList> operations;
};

} // namespace

void deliver_all(OperationList operations) {
    std::vector<Bundle> bundles; // there are as many executors as io threads: a linear search is the quick one
    while (auto operation = operations.pop()) {
        const auto* executor = operation->executor();
        if (!executor) {
            operation->deliver();
            continue;
        }
        auto at = bundles.begin();
        while (at != bundles.end() && *at->executor != *executor) ++at;
        if (at == bundles.end()) at = bundles.insert(at, {executor, std::make_shared<OperationList>()});
        at->operations->push(std::move(operation));
    }
    for (auto& bundle : bundles) {
        // Copied: the operation that the pointer leads into may be delivered, and gone, while post() still runs.
        const asio::any_io_executor executor = *bundle.executor;
        asio::post(executor, [operations = std::move(bundle.operations)] {
            while (auto operation = operations->pop()) operation->deliver();
        });
    }
}

} // namespace millrace::store
