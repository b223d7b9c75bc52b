#include "models/statistics/agreement.hpp"

#include "values/half.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace millrace::models {
namespace {

constexpr std::size_t most_bytes = 1 << 20;
constexpr double tolerance = 0.01;

std::optional<std::string> label_of(const json::object& result) {
    if (const auto* label = result.if_contains("label"); label && label->is_string())
        return std::string{label->get_string()};
    const auto* shares = result.if_contains("shares");
    if (!shares || !shares->is_array()) return std::nullopt;
    std::optional<std::string> best;
    double most = -1;
    for (const auto& each : shares->get_array()) {
        const double share = each.at("share").to_number<double>();
        if (share > most) {
            most = share;
            best = std::string{each.at("label").as_string()};
        }
    }
    return best;
}

// Of an answer with several labels or objects: which, whatever the order.
std::optional<std::multiset<std::string>> labels_of(const json::object& result) {
    const auto* list = result.if_contains(result.contains("objects") ? "objects" : "labels");
    if (!list || !list->is_array()) return std::nullopt;
    std::multiset<std::string> labels;
    for (const auto& each : list->get_array()) labels.emplace(each.at("label").as_string());
    return labels;
}

// Told number by number, so that nothing needs to be copied.
class Comparison {
public:
    void add(double answered, double shadow) {
        largest_ = std::max(largest_, std::abs(answered));
        if (std::isnan(answered) != std::isnan(shadow)) farthest_ = INFINITY;
        else if (!std::isnan(answered))
            farthest_ = std::max(farthest_, answered == shadow ? 0 : std::abs(answered - shadow));
    }
    bool close() const { return farthest_ <= tolerance * largest_ || farthest_ == 0; }

private:
    double largest_ = 0, farthest_ = 0;
};

std::optional<bool> agree_on_values(const json::object& answered, const json::object& shadow) {
    const auto *ours = answered.if_contains("values"), *theirs = shadow.if_contains("values");
    if (!ours || !theirs || !ours->is_object() || !theirs->is_object()) return std::nullopt;
    if (ours->get_object().size() != theirs->get_object().size()) return false;
    for (const auto& [name, value] : ours->get_object()) {
        const auto* other = theirs->get_object().if_contains(name);
        if (!other) return false;
        Comparison comparison; // each by itself: they have units of their own
        comparison.add(value.to_number<double>(), other->to_number<double>());
        if (!comparison.close()) return false;
    }
    return true;
}

std::optional<bool> agree(const json::object& answered, const json::object& shadow) {
    const auto *ours = answered.if_contains("outputs"), *theirs = shadow.if_contains("outputs");
    if (!ours || !theirs || !ours->is_array() || !theirs->is_array()) return std::nullopt;
    if (ours->get_array().size() != theirs->get_array().size()) return false;
    for (std::size_t i = 0; i < ours->get_array().size(); ++i) {
        const auto &a = ours->at(i).at("data").as_array(), &b = theirs->at(i).at("data").as_array();
        if (a.size() != b.size()) return false;
        Comparison comparison;
        for (std::size_t k = 0; k < a.size(); ++k) {
            if (!a[k].is_number() || !b[k].is_number()) {
                if (a[k] != b[k]) return false;
            } else {
                comparison.add(a[k].to_number<double>(), b[k].to_number<double>());
            }
        }
        if (!comparison.close()) return false;
    }
    return true;
}

template <class T>
double number_at(const std::string& bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    if constexpr (std::is_floating_point_v<T>) return static_cast<double>(value);
    else return static_cast<double>(values::widen(value));
}

template <class T>
bool close(const std::string& a, const std::string& b) {
    Comparison comparison;
    for (std::size_t at = 0; at + sizeof(T) <= a.size(); at += sizeof(T))
        comparison.add(number_at<T>(a, at), number_at<T>(b, at));
    return comparison.close();
}

bool close(const inference::Tensor& a, const inference::Tensor& b) {
    if (a.datatype != b.datatype || a.shape != b.shape || a.bytes.size() != b.bytes.size()) return false;
    switch (a.datatype) {
    case values::Datatype::fp16: return close<values::Half>(a.bytes, b.bytes);
    case values::Datatype::bf16: return close<values::Brain>(a.bytes, b.bytes);
    case values::Datatype::fp32: return close<float>(a.bytes, b.bytes);
    case values::Datatype::fp64: return close<double>(a.bytes, b.bytes);
    default: return a.bytes == b.bytes;
    }
}

} // namespace

std::optional<Said> remember(const inference::Prediction& prediction) {
    std::size_t bytes = 0;
    for (const auto& tensor : prediction.tensors) bytes += tensor.bytes.size();
    if (const auto* outputs = prediction.result.if_contains("outputs"); outputs && outputs->is_array())
        for (const auto& output : outputs->get_array())
            bytes += output.at("data").as_array().size() * sizeof(json::value);
    if (bytes > most_bytes) return std::nullopt;
    return Said{prediction.result, prediction.tensors};
}

std::optional<bool> agree(const Said& answered, const inference::Prediction& shadow) {
    if (!answered.tensors.empty()) {
        const auto &a = answered.tensors, &b = shadow.tensors;
        return a.size() == b.size() &&
               std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) { return close(x, y); });
    }
    const auto ours = label_of(answered.result), theirs = label_of(shadow.result);
    if (ours && theirs) return *ours == *theirs;
    const auto our_labels = labels_of(answered.result), their_labels = labels_of(shadow.result);
    if (our_labels && their_labels) return *our_labels == *their_labels;
    if (const auto close = agree_on_values(answered.result, shadow.result)) return close;
    return agree(answered.result, shadow.result);
}

} // namespace millrace::models
