// Frames as they are written: one overload a message.
#include "inference/frames/frame.hpp"

namespace millrace::inference::frame {
namespace {

void write(Writer& w, const Load& m) {
    w.number(m.model);
    w.text(m.sha256);
    w.text(m.manifest);
    w.number(static_cast<std::uint32_t>(m.files.size()));
    for (const auto& file : m.files) {
        w.text(file.name);
        w.text(file.sha256);
        w.number(file.size);
    }
}
void write(Writer& w, const Unload& m) { w.number(m.model); }
void write(Writer& w, const Tensor& m) {
    w.number(static_cast<std::uint8_t>(m.absent));
    if (m.absent) return;
    w.number(static_cast<std::uint8_t>(m.datatype));
    w.number(static_cast<std::uint32_t>(m.shape.size()));
    for (const auto dimension : m.shape) w.number(dimension);
    w.text(m.bytes);
}
void write(Writer& w, const Ping& m) {
    w.number(m.sequence);
    w.number(static_cast<std::uint8_t>(m.to_tasks));
}
void write(Writer& w, const Batch& m) {
    w.number(m.id);
    w.number(m.model);
    w.number(static_cast<std::uint32_t>(m.items.size()));
    for (const auto& item : m.items) {
        w.text(item.media_type);
        w.number(static_cast<std::uint8_t>(item.source));
        w.text(item.bytes);
        w.number(item.size);
        w.number(static_cast<std::uint32_t>(item.tensors.size()));
        for (const auto& tensor : item.tensors) write(w, tensor);
        w.number(static_cast<std::uint8_t>(item.raw));
        w.number(static_cast<std::uint32_t>(item.regions.size()));
        for (const auto& region : item.regions)
            for (const auto value : {region.x, region.y, region.width, region.height}) w.number(value);
    }
}
void write(Writer& w, const Hello& m) {
    w.number(m.protocol);
    w.text(m.runtime);
    w.text(m.device);
    w.text(m.sandbox);
    w.number(m.threads);
    w.text(m.error);
}
void write(Writer& w, const Loaded& m) {
    w.number(m.model);
    w.text(m.error);
    w.text(m.optimization);
    w.text(m.note);
    w.number(static_cast<std::uint8_t>(m.precision));
    w.number(static_cast<std::uint8_t>(m.channels_last));
    w.number(m.threads);
    w.number(m.instances);
    w.number(m.load_ms);
    w.number(m.warm_up_ms);
    w.number(m.memory_bytes);
}
void write(Writer& w, const Unloaded& m) {
    w.number(m.model);
    w.number(m.own_bytes);
}
void write(Writer& w, const Fault& m) { w.text(m.reason); }
void write(Writer& w, const Started& m) { w.number(m.batch); }
void write(Writer& w, const Pong& m) {
    w.number(m.sequence);
    w.number(static_cast<std::uint8_t>(m.from_tasks));
}
void write(Writer& w, const ItemFailure& m) {
    w.number(static_cast<std::uint8_t>(m.bad_input));
    w.text(m.message);
    w.number(static_cast<std::uint8_t>(m.no_answer));
    w.number(static_cast<std::uint8_t>(m.memory_gone));
}
void write(Writer& w, const TopK& m) {
    w.number(static_cast<std::uint32_t>(m.ranked.size()));
    for (const auto& [label, share] : m.ranked) {
        w.number(label);
        w.number(share);
    }
}
void write(Writer& w, const Scores& m) {
    w.number(static_cast<std::uint32_t>(m.values.size()));
    for (const auto value : m.values) w.number(value);
}
void write(Writer& w, const Objects& m) {
    w.number(m.width);
    w.number(m.height);
    w.number(static_cast<std::uint32_t>(m.objects.size()));
    for (const auto& object : m.objects) {
        w.number(object.label);
        for (const float value : {object.score, object.x, object.y, object.width, object.height}) w.number(value);
    }
}
void write(Writer& w, const Rows& m) {
    w.number(static_cast<std::uint32_t>(m.rows.size()));
    for (const auto& row : m.rows) {
        w.number(static_cast<std::uint8_t>(row.index()));
        std::visit([&](const auto& outcome) { write(w, outcome); }, row);
    }
}
void write(Writer& w, const Map& m) {
    w.number(m.width);
    w.number(m.height);
    w.number(static_cast<std::uint32_t>(m.pixels.size()));
    for (const auto count : m.pixels) w.number(count);
    w.text(m.png);
}
void write(Writer& w, const Tensors& m) {
    w.number(static_cast<std::uint32_t>(m.tensors.size()));
    for (const auto& tensor : m.tensors) write(w, tensor);
}
void write(Writer& w, const Done& m) {
    w.number(m.batch);
    w.number(m.decode_ms);
    w.number(m.encode_ms);
    w.number(static_cast<std::uint32_t>(m.items.size()));
    for (const auto& item : m.items) {
        w.number(static_cast<std::uint8_t>(item.outcome.index()));
        std::visit([&](const auto& outcome) { write(w, outcome); }, item.outcome);
        w.number(item.batch_size);
        w.number(item.infer_ms);
        w.number(item.tokens);
    }
}

template <class Message>
std::string encode_any(const Message& message) {
    Writer w;
    w.number(static_cast<std::uint8_t>(message.index()));
    std::visit([&](const auto& m) { write(w, m); }, message);
    return w.take();
}

} // namespace

std::string encode(const ToWorker& message) { return encode_any(message); }
std::string encode(const ToDaemon& message) { return encode_any(message); }

} // namespace millrace::inference::frame
