#include "inference/rendering/rendering_labels.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::inference {
namespace {

using values::Manifest;
using values::PostprocessKind;

json::object scored(const Manifest& manifest, std::size_t label, float share) {
    return {{"label", manifest.labels[label]}, {"confidence", static_cast<double>(share)}};
}

// The one label that is right, and those that come next.
void put_top(json::array ranked, json::object& out) {
    out["label"] = ranked.front().get_object().at("label");
    out["confidence"] = ranked.front().get_object().at("confidence");
    out["top"] = std::move(ranked);
}

bool add(const frame::TopK& top, const Manifest& manifest, json::object& out) {
    const auto kind = manifest.postprocess.kind;
    if (top.ranked.empty() || (kind != PostprocessKind::softmax_top_k && kind != PostprocessKind::top_k)) return false;
    json::array ranked;
    for (const auto& [label, share] : top.ranked) {
        if (label >= manifest.labels.size() || !(share >= 0 && share <= 1.0001F)) return false;
        ranked.push_back(scored(manifest, label, share));
    }
    put_top(std::move(ranked), out);
    return true;
}

void add_decision(const std::vector<float>& shares, const Manifest& manifest, json::object& out) {
    const std::size_t right = static_cast<double>(shares[1]) >= manifest.postprocess.thresholds.front() ? 1 : 0;
    json::array ranked{scored(manifest, right, shares[right])};
    if (manifest.postprocess.top_k > 1) ranked.push_back(scored(manifest, 1 - right, shares[1 - right]));
    put_top(std::move(ranked), out);
}

// Those that are right, and beside them the most likely ones, whether right or not; the most likely first.
void add_labels(const std::vector<float>& shares, const Manifest& manifest, json::object& out) {
    std::vector<std::size_t> order(shares.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return shares[a] > shares[b]; });
    json::array right, top;
    for (const auto label : order) {
        if (static_cast<double>(shares[label]) >= manifest.postprocess.thresholds[label])
            right.push_back(scored(manifest, label, shares[label]));
        if (top.size() < static_cast<std::size_t>(manifest.postprocess.top_k))
            top.push_back(scored(manifest, label, shares[label]));
    }
    out["labels"] = std::move(right);
    out["top"] = std::move(top);
}

bool add(const frame::Scores& scores, const Manifest& manifest, json::object& out) {
    const auto& values = scores.values;
    if (values.size() != manifest.labels.size()) return false;
    if (manifest.postprocess.kind == PostprocessKind::sigmoid) {
        if (!std::all_of(values.begin(), values.end(), [](float v) { return v >= 0 && v <= 1; })) return false;
        if (values::decides_between_two(manifest)) add_decision(values, manifest, out);
        else add_labels(values, manifest, out);
        return true;
    }
    if (manifest.postprocess.kind != PostprocessKind::values) return false;
    json::object named;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) return false;
        named[manifest.labels[i]] = static_cast<double>(values[i]);
    }
    out["values"] = std::move(named);
    return true;
}

// A hundredth of a pixel is as much as anybody sees.
double pixels(float value) { return std::round(static_cast<double>(value) * 100) / 100; }

bool add(const frame::Objects& found, const Manifest& manifest, json::object& out) {
    if (manifest.postprocess.kind != PostprocessKind::objects ||
        found.objects.size() > static_cast<std::size_t>(manifest.postprocess.objects.max_objects))
        return false;
    const bool normalized = manifest.postprocess.objects.normalized && found.width == 0; // then a hundredth is much
    const auto length = [&](float value) { return normalized ? static_cast<double>(value) : pixels(value); };
    json::array objects;
    for (const auto& each : found.objects) {
        if (each.label >= manifest.labels.size() || !(each.score >= 0 && each.score <= 1)) return false;
        for (const float value : {each.x, each.y, each.width, each.height})
            if (!std::isfinite(value)) return false;
        auto object = scored(manifest, each.label, each.score);
        object["box"] = json::array{length(each.x), length(each.y), length(each.width), length(each.height)};
        objects.push_back(std::move(object));
    }
    out["objects"] = std::move(objects);
    if (found.width > 0) out["width"] = found.width;
    if (found.height > 0) out["height"] = found.height;
    return true;
}

} // namespace

bool add_row(const frame::RowOutcome& row, const Manifest& manifest, json::object& out) {
    return std::visit([&](const auto& outcome) { return add(outcome, manifest, out); }, row);
}

bool add_rows(const frame::Rows& rows, const Manifest& manifest, json::object& out) {
    json::array list;
    for (const auto& row : rows.rows) {
        json::object one;
        if (!add_row(row, manifest, one)) return false;
        list.push_back(std::move(one));
    }
    if (list.empty()) return false;
    out["rows"] = std::move(list);
    return true;
}

} // namespace millrace::inference
