#include "inference/worker/passes/forward.hpp"

#include "inference/worker/passes/spare_memory.hpp"
#include "inference/worker/tensor/padding.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>

namespace millrace::inference::worker {
namespace {

using Steady = std::chrono::steady_clock;
using Shapes = std::vector<values::Shape>;

constexpr int most_tries = 6; // of a single item, each when a neighbour has ended

// Open texts count as equal, however long they are.
Shapes shapes_of(const Item& item, const values::Manifest& manifest) {
    Shapes shapes;
    for (std::size_t i = 0; i < item.input->tensors.size(); ++i) {
        const auto& tensor = item.input->tensors[i];
        shapes.push_back(tensor.absent                      ? values::Shape{-2}
                         : is_open_text(manifest.inputs[i]) ? values::Shape{-1}
                                                            : tensor.shape);
    }
    return shapes;
}

} // namespace

void Forward::run(std::vector<Item>& items) {
    neighbours_.give_way();
    std::map<Shapes, std::vector<Item*>> groups;
    for (auto& item : items)
        if (item.input) groups[shapes_of(item, *model_.manifest)].push_back(&item);
    for (auto& [shapes, members] : groups) run_group(members);
}

mr_tensor view_of(const TensorValue& tensor, std::int64_t rows, std::span<const std::byte> bytes) {
    return tensor.absent ? absent_view() : batch_view(tensor.datatype, rows, tensor.shape, bytes);
}

void Forward::run_group(std::vector<Item*>& members) {
    const auto& manifest = *model_.manifest;
    if (text_length(*members.front()->input, manifest) == 0) return pass(members);
    std::vector<std::pair<Stretch, Item*>> texts;
    texts.reserve(members.size());
    for (auto* item : members) texts.push_back({{item->input->rows, text_length(*item->input, manifest)}, item});
    std::stable_sort(texts.begin(), texts.end(),
                     [](const auto& a, const auto& b) { return a.first.length < b.first.length; });
    std::vector<Stretch> sorted;
    members.clear();
    for (const auto& [stretch, item] : texts) {
        sorted.push_back(stretch);
        members.push_back(item);
    }
    std::size_t begin = 0;
    for (const auto end : group_lengths(sorted, manifest.batching.max_batch, model_.text_cost)) {
        pass(std::span{members}.subspan(begin, end - begin));
        begin = end;
    }
}

// One item's tensors go as they are; several are copied together, open texts filled up to the longest.
std::vector<mr_tensor> Forward::gather(std::span<Item* const> items, std::int64_t rows) {
    const auto count = items.front()->input->tensors.size();
    std::vector<mr_tensor> views;
    gathered_.resize(count);
    for (std::size_t k = 0; k < count; ++k) gather_input(k, items, rows, views);
    return views;
}

void Forward::gather_input(std::size_t k, std::span<Item* const> items, std::int64_t rows,
                           std::vector<mr_tensor>& views) {
    const auto& first = items.front()->input->tensors[k];
    if (first.absent || items.size() == 1) return views.push_back(view_of(first, rows, first.bytes));
    const auto& spec = model_.manifest->inputs[k];
    auto shape = first.shape;
    const bool open = is_open_text(spec);
    if (open)
        for (const auto* item : items) shape.front() = std::max(shape.front(), item->input->tensors[k].shape.front());
    const auto row_bytes = *values::element_count(shape) * values::element_size(first.datatype);
    auto& bytes = gathered_[k];
    bytes.resize(static_cast<std::size_t>(rows) * row_bytes);
    auto* to = bytes.data();
    for (const auto* item : items) {
        const auto& from = item->input->tensors[k];
        if (open) pad_rows(from, item->input->rows, shape.front(), spec.text.padding, to);
        else std::memcpy(to, from.bytes.data(), from.bytes.size());
        to += static_cast<std::size_t>(item->input->rows) * row_bytes;
    }
    views.push_back(batch_view(first.datatype, rows, shape, bytes));
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
    if (failure.out_of_memory) {
        runtime_.release_memory();
        shrinking_.begin();
    }
    if (items.size() > 1) {
        pass(items.first(items.size() / 2));
        pass(items.subspan(items.size() / 2));
        return;
    }
    if (failure.out_of_memory && may_have_memory_now()) return pass(items);
    auto& result = items.front()->result;
    result.outcome = frame::ItemFailure{false, failure.message, false, failure.out_of_memory && !has_spare_memory()};
    result.batch_size = static_cast<std::uint32_t>(items.front()->input->rows);
    result.infer_ms = took;
}

// A neighbour may have had it until now. Tried once with no other there, it is not tried again.
bool Forward::may_have_memory_now() {
    if (alone_ || ++tries_ > most_tries) return false;
    alone_ = !neighbours_.wait_for_one();
    return true;
}

} // namespace millrace::inference::worker
