// What daemon and worker say to each other, as bytes and back. Neither trusts the other's lengths: a reader that
// runs past its end, or meets an impossible count, fails as a whole. Pure values; channel.hpp moves them.
#pragma once
#include "inference/frames/region.hpp"
#include "values/manifest.hpp"
#include "values/manifest_files.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::inference::frame {

inline constexpr std::uint32_t protocol_version = 5;
inline constexpr std::size_t max_items = 1024;      // of one batch
inline constexpr std::size_t max_regions = 1024;    // of one item
inline constexpr std::size_t max_descriptors = 200; // of one frame (the kernel allows 253)
// A pass that has run for so long shares its places with other models' passes: the worker lets them begin beside it,
// and the daemon sends them. Longer than the passes of small models, so that they take turns and do not crowd the
// cores.
inline constexpr std::chrono::milliseconds lends_places_after{5};

// Appends little-endian values.
class Writer {
public:
    template <class T>
    requires std::is_arithmetic_v<T>
    void number(T value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
    void text(std::string_view value) {
        number(static_cast<std::uint64_t>(value.size()));
        bytes_.append(value);
    }
    std::string take() { return std::move(bytes_); }

private:
    std::string bytes_;
};

// Reads them again. After a failure every read gives zero or nothing, and ok() is false.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_{bytes} {}

    template <class T>
    requires std::is_arithmetic_v<T> T number() {
        T value{};
        if (rest_.size() < sizeof value) return fail(), T{};
        __builtin_memcpy(&value, rest_.data(), sizeof value);
        rest_.remove_prefix(sizeof value);
        return value;
    }
    std::string_view view() {
        const auto length = number<std::uint64_t>();
        if (length > rest_.size()) return fail(), std::string_view{};
        const auto part = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return part;
    }
    std::string text() { return std::string{view()}; }
    // A count of elements that take at least `least` bytes each: nothing is reserved for elements that cannot be there.
    std::size_t count(std::size_t least) {
        const auto n = number<std::uint32_t>();
        if (n > rest_.size() / least) return fail(), 0;
        return n;
    }
    void fail() {
        ok_ = false;
        rest_ = {};
    }
    bool ok() const { return ok_; }
    bool finished() const { return ok_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool ok_ = true;
};

// ---- daemon → worker

struct Load { // + descriptors: the model file, then one for each of `files`
    std::uint32_t model = 0;
    std::string sha256, manifest; // manifest as JSON text
    values::FileRefs files{};     // that the manifest names
};
struct Unload {
    std::uint32_t model = 0;
};
struct Tensor {
    values::Datatype datatype = values::Datatype::fp32;
    values::Shape shape;
    std::string bytes;
    bool absent = false; // an optional input or output that is not there: then nothing else counts
};
enum class Source : std::uint8_t { inline_bytes = 0, descriptor = 1, tensors = 2 };
struct BatchItem {
    std::string media_type;
    Source source = Source::inline_bytes;
    std::string bytes;             // inline_bytes
    std::uint64_t size = 0;        // descriptor: the frame's next one, read from offset 0
    std::vector<Tensor> tensors{}; // tensors: one an input of the model, with the batch dimension
    bool raw = false;              // answered with the model's tensors, with the batch dimension
    std::vector<Region> regions{}; // parts of the picture, each of them a row; empty: the whole
};
// Is the input of a kind that costs next to nothing to read? Then daemon and worker treat its batch as begun when it is
// sent.
bool needs_no_decoding(const BatchItem& item);

struct Batch { // + one descriptor for each item of source `descriptor`, in order
    std::uint64_t id = 0;
    std::uint32_t model = 0;
    std::vector<BatchItem> items;
};
struct Ping { // answered by the thread that reads the channel
    std::uint64_t sequence = 0;
    bool to_tasks = false; // answered once more, by the pool of the models' own tasks: leftovers.hpp
};

// ---- worker → daemon

struct Hello {
    std::uint32_t protocol = protocol_version;
    std::string runtime, device, sandbox;
    std::uint32_t threads = 0;
    std::string error; // why there is no runtime; the worker then ends
};
struct Loaded {
    std::uint32_t model = 0;
    std::string error; // empty: ready
    std::string optimization, note;
    values::Precision precision = values::Precision::fp32;
    bool channels_last = false;
    std::uint32_t threads = 1, instances = 1; // of one forward pass; passes at a time
    double load_ms = 0, warm_up_ms = 0;
    std::uint64_t memory_bytes = 0;
};
struct Unloaded { // its memory has been given back
    std::uint32_t model = 0;
    std::uint64_t own_bytes = 0; // of the worker
};
struct Fault { // the worker cannot go on, and ends
    std::string reason;
};
struct Started { // a forward pass of this batch begins; its time limit runs from here
    std::uint64_t batch = 0;
};
struct Ranked {
    std::uint32_t label = 0;
    float share = 0;
};
struct TopK {
    std::vector<Ranked> ranked;
};
struct Scores { // one a label, in their order
    std::vector<float> values;
};
struct Object {
    std::uint32_t label = 0;
    float score = 0;
    float x = 0, y = 0, width = 0, height = 0; // the upper left corner and the size
};
struct Objects { // the most certain first
    std::vector<Object> objects;
    std::uint32_t width = 0, height = 0; // of the picture in whose pixels they are; 0: the input was none
};
using RowOutcome = std::variant<TopK, Scores, Objects>;
struct Rows { // of an item of several rows: one a row
    std::vector<RowOutcome> rows;
};
struct Map {
    std::uint32_t width = 0, height = 0;
    std::vector<std::uint64_t> pixels; // one count a label
    std::string png;
};
struct Tensors { // one for each output of the manifest
    std::vector<Tensor> tensors;
};
struct ItemFailure {
    bool bad_input = false; // else the model failed
    std::string message;
    bool no_answer = false; // the model ran, and what it gave can be no answer, such as NaN for a class
    bool memory_gone =
        false; // there was no memory for it, and the worker has none for others either: it is to be replaced
};
using Outcome = std::variant<ItemFailure, TopK, Map, Tensors, Rows, Scores, Objects>;
struct ItemResult {
    Outcome outcome;
    std::uint32_t batch_size = 0; // rows in the forward pass that gave this
    double infer_ms = 0;
    std::uint32_t tokens = 0; // of its texts
};
struct Done {
    std::uint64_t batch = 0;
    double decode_ms = 0, encode_ms = 0;
    std::vector<ItemResult> items;
};
struct Pong {
    std::uint64_t sequence = 0;
    bool from_tasks = false;
};

using ToWorker = std::variant<Load, Unload, Batch, Ping>;
using ToDaemon = std::variant<Hello, Loaded, Started, Done, Pong, Unloaded, Fault>;

std::string encode(const ToWorker& message);
std::string encode(const ToDaemon& message);
std::optional<ToWorker> decode_to_worker(std::string_view bytes); // nullopt: not acceptable
std::optional<ToDaemon> decode_to_daemon(std::string_view bytes);

} // namespace millrace::inference::frame
