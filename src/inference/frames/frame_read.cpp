// Frames as they are read. Nothing in them is believed: the other side may be in a stranger's hands.
#include "inference/frames/frame.hpp"

#include "base/utf8.hpp"

#include <cmath>

namespace millrace::inference::frame {
namespace {

constexpr std::size_t max_tensors = 256; // of one item

double finite(Reader& r) {
    const auto value = r.number<double>();
    if (!std::isfinite(value)) r.fail();
    return value;
}

// What the worker says in words: it may be in a stranger's hands, and what it repeats of a library or of an input may
// be no text.
std::string words(Reader& r) { return repaired_utf8(r.view()); }

void read(Reader& r, Tensor& m) {
    m.absent = r.number<std::uint8_t>() != 0;
    if (m.absent) return;
    const auto type = values::datatype(r.number<std::uint8_t>());
    const auto rank = r.count(8);
    if (!type || rank > values::max_rank) return r.fail();
    m.datatype = *type;
    for (std::size_t i = 0; i < rank; ++i) m.shape.push_back(r.number<std::int64_t>());
    m.bytes = r.text();
    const auto elements = values::element_count(m.shape);
    if (!elements || *elements * values::element_size(*type) != m.bytes.size()) return r.fail();
}
void read(Reader& r, std::vector<Tensor>& list) {
    list.resize(r.count(1));
    if (list.size() > max_tensors) return r.fail();
    for (auto& tensor : list) {
        read(r, tensor);
        if (!r.ok()) return;
    }
}
void read(Reader& r, std::vector<Region>& list) {
    list.resize(r.count(sizeof(Region)));
    if (list.size() > max_regions) return r.fail();
    for (auto& region : list)
        for (auto* value : {&region.x, &region.y, &region.width, &region.height}) *value = r.number<std::uint32_t>();
}
void read(Reader& r, Load& m) {
    m.model = r.number<std::uint32_t>();
    m.sha256 = r.text();
    m.manifest = r.text();
    const auto files = r.count(24);
    if (files > values::max_files) return r.fail();
    m.files.resize(files);
    for (auto& file : m.files) {
        file.name = r.text();
        file.sha256 = r.text();
        file.size = r.number<std::uint64_t>();
    }
}
void read(Reader& r, Unload& m) { m.model = r.number<std::uint32_t>(); }
void read(Reader& r, Ping& m) {
    m.sequence = r.number<std::uint64_t>();
    m.to_tasks = r.number<std::uint8_t>() != 0;
}
void read(Reader& r, Batch& m) {
    m.id = r.number<std::uint64_t>();
    m.model = r.number<std::uint32_t>();
    const auto n = r.count(34);
    if (n > max_items) return r.fail();
    m.items.resize(n);
    for (auto& item : m.items) {
        item.media_type = r.text();
        const auto source = r.number<std::uint8_t>();
        if (source > 2) return r.fail();
        item.source = static_cast<Source>(source);
        item.bytes = r.text();
        item.size = r.number<std::uint64_t>();
        read(r, item.tensors);
        item.raw = r.number<std::uint8_t>() != 0;
        read(r, item.regions);
        if (!r.ok()) return;
    }
}
void read(Reader& r, Hello& m) {
    m.protocol = r.number<std::uint32_t>();
    m.runtime = words(r);
    m.device = words(r);
    m.sandbox = words(r);
    m.threads = r.number<std::uint32_t>();
    m.error = words(r);
}
void read(Reader& r, Loaded& m) {
    m.model = r.number<std::uint32_t>();
    m.error = words(r);
    m.optimization = words(r);
    m.note = words(r);
    const auto precision = r.number<std::uint8_t>();
    if (precision > 1) return r.fail();
    m.precision = static_cast<values::Precision>(precision);
    m.channels_last = r.number<std::uint8_t>() != 0;
    m.threads = r.number<std::uint32_t>();
    m.instances = r.number<std::uint32_t>();
    m.load_ms = finite(r);
    m.warm_up_ms = finite(r);
    m.memory_bytes = r.number<std::uint64_t>();
}
void read(Reader& r, Unloaded& m) {
    m.model = r.number<std::uint32_t>();
    m.own_bytes = r.number<std::uint64_t>();
}
void read(Reader& r, Fault& m) { m.reason = words(r); }
void read(Reader& r, Started& m) { m.batch = r.number<std::uint64_t>(); }
void read(Reader& r, Pong& m) {
    m.sequence = r.number<std::uint64_t>();
    m.from_tasks = r.number<std::uint8_t>() != 0;
}
void read(Reader& r, ItemFailure& m) {
    m.bad_input = r.number<std::uint8_t>() != 0;
    m.message = words(r);
    m.no_answer = r.number<std::uint8_t>() != 0;
    m.memory_gone = r.number<std::uint8_t>() != 0;
}
void read(Reader& r, TopK& m) {
    m.ranked.resize(r.count(8));
    for (auto& [label, share] : m.ranked) {
        label = r.number<std::uint32_t>();
        share = r.number<float>();
    }
}
void read(Reader& r, Scores& m) {
    m.values.resize(r.count(sizeof(float)));
    for (auto& value : m.values) value = r.number<float>();
}
void read(Reader& r, Objects& m) {
    m.width = r.number<std::uint32_t>();
    m.height = r.number<std::uint32_t>();
    m.objects.resize(r.count(24));
    for (auto& object : m.objects) {
        object.label = r.number<std::uint32_t>();
        for (float* value : {&object.score, &object.x, &object.y, &object.width, &object.height})
            *value = r.number<float>();
    }
}
void read(Reader& r, Rows& m) {
    m.rows.resize(r.count(5));
    for (auto& row : m.rows) {
        switch (r.number<std::uint8_t>()) {
        case 0: read(r, row.emplace<TopK>()); break;
        case 1: read(r, row.emplace<Scores>()); break;
        case 2: read(r, row.emplace<Objects>()); break;
        default: return r.fail();
        }
    }
}
void read(Reader& r, Map& m) {
    m.width = r.number<std::uint32_t>();
    m.height = r.number<std::uint32_t>();
    m.pixels.resize(r.count(8));
    for (auto& count : m.pixels) count = r.number<std::uint64_t>();
    m.png = r.text();
}
void read(Reader& r, Tensors& m) { read(r, m.tensors); }
void read(Reader& r, Done& m) {
    m.batch = r.number<std::uint64_t>();
    m.decode_ms = finite(r);
    m.encode_ms = finite(r);
    const auto n = r.count(21);
    if (n > max_items) return r.fail();
    m.items.resize(n);
    for (auto& item : m.items) {
        switch (r.number<std::uint8_t>()) {
        case 0: read(r, item.outcome.emplace<ItemFailure>()); break;
        case 1: read(r, item.outcome.emplace<TopK>()); break;
        case 2: read(r, item.outcome.emplace<Map>()); break;
        case 3: read(r, item.outcome.emplace<Tensors>()); break;
        case 4: read(r, item.outcome.emplace<Rows>()); break;
        case 5: read(r, item.outcome.emplace<Scores>()); break;
        case 6: read(r, item.outcome.emplace<Objects>()); break;
        default: return r.fail();
        }
        item.batch_size = r.number<std::uint32_t>();
        item.infer_ms = finite(r);
        item.tokens = r.number<std::uint32_t>();
        if (!r.ok()) return;
    }
}

template <class Variant, std::size_t I = 0>
void read_alternative(Reader& r, Variant& out, std::uint8_t index) {
    if constexpr (I < std::variant_size_v<Variant>) {
        if (index == I) return read(r, out.template emplace<I>());
        return read_alternative<Variant, I + 1>(r, out, index);
    } else {
        r.fail();
    }
}

template <class Variant>
std::optional<Variant> decode_any(std::string_view bytes) {
    Reader r{bytes};
    Variant message;
    read_alternative(r, message, r.number<std::uint8_t>());
    if (!r.finished()) return std::nullopt;
    return message;
}

} // namespace

bool needs_no_decoding(const BatchItem& item) {
    constexpr std::size_t small = 16 * 1024;
    if (item.source == Source::tensors) return true;
    return item.source == Source::inline_bytes && item.media_type == "application/json" && item.bytes.size() <= small;
}

std::optional<ToWorker> decode_to_worker(std::string_view bytes) { return decode_any<ToWorker>(bytes); }
std::optional<ToDaemon> decode_to_daemon(std::string_view bytes) { return decode_any<ToDaemon>(bytes); }

} // namespace millrace::inference::frame
