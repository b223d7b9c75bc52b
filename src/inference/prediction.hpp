// The values that go into the engine and come out of it.
#pragma once
#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/id.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "inference/frames/region.hpp"
#include "values/job.hpp"
#include "values/manifest.hpp"
#include "values/manifest_files.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::inference {

// A file beside the model that its manifest names. The worker verifies it, as the model.
struct ModelFile {
    values::FileRef ref;
    std::filesystem::path path;
};

// A model that may be run: the file (TorchScript, already checked and digested by the registry) and its rules.
// The engine knows a version by organisation, name and version; the file must stay while it is used.
struct ModelVersion {
    OrganizationId organization;
    std::string name, version;
    std::string sha256; // of `file`; verified by the worker before the runtime sees a byte
    std::filesystem::path file;
    std::shared_ptr<const values::Manifest> manifest; // shared: in-flight work outlives a removal from the registry
    std::string rules_sha256{};                       // of the manifest's normal form and of all files beside the model
    std::vector<ModelFile> files{};                   // that the manifest's normal form names, by name
};

// A tensor that needs no decoding, as the Open Inference Protocol brings and takes it.
struct Tensor {
    std::string name; // empty for an input: by its place
    values::Datatype datatype = values::Datatype::fp32;
    values::Shape shape; // with the batch dimension first
    std::string bytes;   // contiguous, row-major, little-endian
    bool absent = false; // an optional input that the request leaves out; its shape is empty
};

// One input: bytes in memory, or a read-only file (a blob) whose descriptor is handed to the worker, so that
// strangers' bytes are never parsed in this process; or finished tensors, one for each of the model's inputs, all of
// the same number of rows.
struct Input {
    // image/png, image/jpeg, image/webp, image/tiff, application/octet-stream (.npy, .npz), text/plain, text/csv or
    // application/json; empty: told by the first bytes.
    std::string media_type;
    std::string bytes; // when `file` and `tensors` are empty
    Descriptor file;   // read from offset 0; must be a regular file or sealed memory
    std::uint64_t file_size = 0;
    std::vector<Tensor> tensors{};
    std::string file_sha256{};     // of a file that is a blob
    std::vector<Region> regions{}; // of a picture: only these parts of it, each of them a row; empty: the whole

    std::uint64_t size() const;
};
// The bytes again, or another descriptor of the same file; nullopt when there is no descriptor to be had.
std::optional<Input> duplicate(const Input& input);

struct Request {
    std::shared_ptr<const ModelVersion> model;
    Input input;
    int priority = values::default_priority; // 0-9, 9 first
    Monotonic deadline = Monotonic::max();   // expired work is dropped before it reaches the device
    bool alone = false; // a batch of its own: for work that was in a worker when it died, so that others are spared
    bool raw = false;   // answered with the model's tensors, whatever postprocessing its manifest asks for
};

struct Prediction {
    // As in the answers of the API, without "map.blob" (the caller stores `files` and adds their digests):
    // {"label","confidence","top"…} | {"shares","width","height"} | {"outputs"}, then "model","model_version",
    // "batch_size","queue_ms","infer_ms".
    json::object result;
    struct File {
        std::string name;       // member of the result that it belongs to: "map"
        std::string media_type; // image/png
        std::string bytes;
    };
    std::vector<File> files;
    std::vector<Tensor> tensors;                       // of a raw request: the model's outputs; `result` then has none
    std::uint64_t tokens = 0;                          // of its texts, as they were cut
    int batch_size = 0;                                // rows of the forward pass
    double queue_ms = 0;                               // until it was sent to the worker
    double decode_ms = 0, infer_ms = 0, encode_ms = 0; // decoding its input; the forward pass; writing its result
    bool cached = false; // an answer given before to an equal input: it has no times of its own
};

enum class FailureReason {
    bad_input,    // the input is wrong for this model; trying again cannot help
    model_failed, // the model threw, or could not be loaded
    timed_out,    // the model ran longer than its limit (the worker was killed), or the deadline passed in the queue
    worker_lost,  // the worker process ended under the work
    unavailable,  // no runtime, queue full, stopping
    cancelled,    // withdrawn by the one who sent it
    quarantined,  // refused: it has ended workers before (quarantine.hpp)
};
std::string_view word(FailureReason reason); // "bad_input" …: stable, stored in jobs

struct Failure {
    FailureReason reason = FailureReason::model_failed;
    std::string message; // for the person who sent the input
    bool killed_worker =
        false; // it ended the worker, or its model did while it was loaded; what only stood beside is run again
    bool no_answer =
        false; // of model_failed: it ran, and what it gave can be no answer in this form, such as NaN in JSON
    int retry_after_seconds{0}; // unavailable, quarantined: when to try again; 0: soon
};
bool may_retry(const Failure& failure); // false where trying again cannot help: bad_input, no_answer
Error to_error(const Failure& failure); // as an API error

[[noreturn]] inline void throw_exception_from_error(const Failure& failure, const boost::source_location& where) {
    boost::throw_exception(std::runtime_error{failure.message}, where);
}

using Outcome = boost::system::result<Prediction, Failure>;

} // namespace millrace::inference
