#include "inference/worker/forward.hpp"

#include <chrono>
#include <cstring>
#include <map>

namespace millrace::inference::worker {
namespace {

using Steady = std::chrono::steady_clock;
using Shapes = std::vector<model::Shape>;

Shapes shapes_of(const Item& item) {
    Shapes shapes;
    for (const auto& tensor : item.input->tensors) shapes.push_back(tensor.absent ? model::Shape{-1} : tensor.shape);
    return shapes;
}

} // namespace

void Forward::run(std::vector<Item>& items) {
    std::map<Shapes, std::vector<Item*>> groups;
    for (auto& item : items)
        if (item.input) groups[shapes_of(item)].push_back(&item);
    for (const auto& [shapes, members] : groups) pass(members);
}

mr_tensor view_of(const TensorValue& tensor, std::int64_t rows, std::span<const std::byte> bytes) {
    return tensor.absent ? absent_view() : batch_view(tensor.datatype, rows, tensor.shape, bytes);
}

// One item's tensors go as they are; several are copied together.
std::vector<mr_tensor> Forward::gather(std::span<Item* const> items, std::int64_t rows) {
    const auto& first = items.front()->input->tensors;
    std::vector<mr_tensor> inputs;
    gathered_.resize(first.size());
    for (std::size_t k = 0; k < first.size(); ++k) {
        if (items.size() == 1) {
            inputs.push_back(view_of(first[k], rows, first[k].bytes));
            continue;
        }
        auto& bytes = gathered_[k];
        std::size_t total = 0;
        for (const auto* item : items) total += item->input->tensors[k].bytes.size();
        bytes.resize(total);
        std::size_t at = 0;
        for (const auto* item : items) {
            const auto& from = item->input->tensors[k].bytes;
            std::memcpy(bytes.data() + at, from.data(), from.size());
            at += from.size();
        }
        inputs.push_back(view_of(first[k], rows, bytes));
    }
    return inputs;
}

void Forward::pass(std::span<Item* const> items) {
    std::int64_t rows = 0;
    for (auto* item : items) {
        item->first_row = rows;
        rows += item->input->rows;
    }
    const auto inputs = gather(items, rows);
    begins_();
    const auto start = Steady::now();
    auto outputs = runtime_.forward(*model_.runtime, inputs);
    const double took = std::chrono::duration<double, std::milli>(Steady::now() - start).count();
    if (!outputs) return fail(items, outputs.error(), took);
    const std::shared_ptr<Runtime::Outputs> shared = std::move(*outputs);
    for (auto* item : items) {
        item->outputs = shared;
        item->pass_rows = rows;
        item->result.batch_size = static_cast<std::uint32_t>(rows);
        item->result.infer_ms = took;
    }
}

void Forward::fail(std::span<Item* const> items, const ForwardFailure& failure, double took) {
    if (failure.device_lost) return device_lost_(failure.message);
    if (failure.out_of_memory) runtime_.release_memory();
    if (items.size() > 1) {
        pass(items.first(items.size() / 2));
        pass(items.subspan(items.size() / 2));
        return;
    }
    auto& result = items.front()->result;
    result.outcome = frame::ItemFailure{false, failure.message};
    result.batch_size = static_cast<std::uint32_t>(items.front()->input->rows);
    result.infer_ms = took;
}

} // namespace millrace::inference::worker
