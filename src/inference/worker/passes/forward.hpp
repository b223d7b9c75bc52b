// A batch's forward passes: items of one shape run together, texts of an open length with those that are nearly as
// long, shortest first (length_groups.hpp); when that fails, in halves, so that one poisonous item fails alone and a
// batch that is too large for the memory still gets through (neighbours.hpp).
#pragma once
#include "inference/frames/frame.hpp"
#include "inference/worker/input/preprocess.hpp"
#include "inference/worker/loading/loaded_model.hpp"
#include "inference/worker/passes/neighbours.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace millrace::inference::worker {

// What becomes of one item on its way.
struct Item {
    std::optional<DecodedInput> input;
    std::shared_ptr<Runtime::Outputs> outputs; // of its pass, shared by the pass's items
    std::int64_t first_row = 0, pass_rows = 0; // where it stands in the pass
    frame::ItemResult result;                  // its outcome, when it has failed
};

class Forward {
public:
    // `begins` is called before each pass, `device_lost` when the device can no longer be used (it does not return).
    // Borrows all; for the time of one batch.
    Forward(const Runtime& runtime, const LoadedModel& model, std::function<void()> begins,
            std::function<void(const std::string&)> device_lost, Neighbours& neighbours)
        : runtime_{runtime},
          model_{model},
          begins_{std::move(begins)},
          device_lost_{std::move(device_lost)},
          neighbours_{neighbours},
          shrinking_{neighbours} {}

    void run(std::vector<Item>& items);

private:
    void run_group(std::vector<Item*>& members);
    void pass(std::span<Item* const> items);
    void gather_input(std::size_t place, std::span<Item* const> items, std::int64_t rows,
                      std::vector<mr_tensor>& views);
    std::vector<mr_tensor> gather(std::span<Item* const> items, std::int64_t rows);
    void fail(std::span<Item* const> items, const ForwardFailure& failure, double took);
    bool may_have_memory_now();

    const Runtime& runtime_;
    const LoadedModel& model_;
    std::function<void()> begins_;
    std::function<void(const std::string&)> device_lost_;
    Neighbours& neighbours_;
    Neighbours::Shrinking shrinking_;
    int tries_ = 0;                                // of single items that found no memory
    bool alone_ = false;                           // at the last of them
    std::vector<std::vector<std::byte>> gathered_; // one an input: the items' bytes behind each other
};

} // namespace millrace::inference::worker
