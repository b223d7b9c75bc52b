// Loads a model: every check that needs no runtime first, then the runtime, then the warm-up, which finds out whether
// the model does what its manifest says and how it runs best on this machine.
#pragma once
#include "base/descriptor.hpp"
#include "inference/frames/frame.hpp"
#include "inference/worker/loading/loaded_model.hpp"

#include <optional>
#include <span>

namespace millrace::inference::worker {

// nullopt: it is not usable, and report.error says why. On the loading thread; `places` threads may compute at a time.
// `files`: the model's own, then the message's.
std::optional<LoadedModel> load_model(const Runtime& runtime, const frame::Load& message,
                                      std::span<const Descriptor> files, const Descriptor& memory_figures, int places,
                                      frame::Loaded& report);

// What the process has of its own, without the pages of files that it has read so far (the runtime's code).
// /proc/self/statm
std::uint64_t own_bytes(const Descriptor& memory_figures);

} // namespace millrace::inference::worker
