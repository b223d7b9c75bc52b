// What a detector has found: scores above the threshold, the less certain of overlapping boxes dropped, in the pixels
// of the picture that was sent.
#include "inference/worker/postprocess/postprocess_kinds.hpp"

#include "inference/worker/tensor/tensor_convert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <stdexcept>

namespace millrace::inference::worker {
namespace {

using values::Activation;
using values::BoxColumns;
using values::BoxFormat;

constexpr std::size_t most_compared = 3000; // boxes with each other: the most certain ones

struct Box {
    double left = 0, top = 0, right = 0, bottom = 0;

    double area() const { return std::max(0.0, right - left) * std::max(0.0, bottom - top); }
};

struct Candidate {
    std::int64_t label = 0; // the manifest's
    double score = 0;
    Box box;
};

double overlap(const Box& a, const Box& b) {
    const Box both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                   std::min(a.bottom, b.bottom)};
    const double common = both.area(), all = a.area() + b.area() - common;
    return all > 0 ? common / all : 0;
}

Box box_of(const float* four, std::size_t step, BoxFormat format) {
    const double a = static_cast<double>(four[0]), b = static_cast<double>(four[step]),
                 c = static_cast<double>(four[2 * step]), d = static_cast<double>(four[3 * step]);
    if (!std::isfinite(a + b + c + d)) throw OutputError{"the model gave a box that is not of numbers"};
    switch (format) {
    case BoxFormat::xywh: return {a, b, a + c, b + d};
    case BoxFormat::cxcywh: return {a - c / 2, b - d / 2, a + c / 2, b + d / 2};
    case BoxFormat::xyxy: break;
    }
    return {a, b, c, d};
}

double checked(double score) {
    constexpr double rounding = 1e-3;
    if (!(score >= -rounding && score <= 1 + rounding))
        throw OutputError{fmt::format(
            "the model gave the score {}, which is no probability; one that gives logits needs an \"activation\"",
            score)};
    return std::clamp(score, 0.0, 1.0);
}

double activated(float score, Activation activation) {
    return checked(activation == Activation::sigmoid ? 1 / (1 + std::exp(-static_cast<double>(score)))
                                                     : static_cast<double>(score));
}

// The most likely of the classes whose scores stand `step` apart.
std::pair<std::int64_t, double> best_class(const float* scores, std::size_t count, std::size_t step,
                                           Activation activation) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < count; ++i)
        if (scores[i * step] > scores[best * step]) best = i;
    const auto index = static_cast<std::int64_t>(best);
    if (activation != Activation::softmax) return {index, activated(scores[best * step], activation)};
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i)
        sum += std::exp(static_cast<double>(scores[i * step]) - static_cast<double>(scores[best * step]));
    return {index, checked(1 / sum)};
}

class Finder {
public:
    explicit Finder(const values::Manifest& manifest) : manifest_{manifest}, rule_{manifest.postprocess.objects} {}

    void take_columns(const OutputView& output) {
        const FloatView view{output};
        const auto columns = rule_.columns == BoxColumns::score_label
                                 ? 6
                                 : manifest_.labels.size() + (rule_.columns == BoxColumns::scores ? 4 : 5);
        const bool rows = manifest_.outputs[*rule_.detections].shape[1] ==
                          static_cast<std::int64_t>(columns); // as declared: n may be as large
        const auto count = static_cast<std::size_t>(output.shape[rows ? 0 : 1]);
        const std::size_t step = rows ? 1 : count;
        for (std::size_t i = 0; i < count; ++i) {
            const float* at = view.get().data() + (rows ? i * columns : i);
            if (rule_.columns == BoxColumns::score_label) {
                take(label_of(static_cast<double>(at[5 * step])), activated(at[4 * step], rule_.activation), at, step);
            } else if (rule_.columns == BoxColumns::scores) {
                const auto [label, score] = best_class(at + 4 * step, columns - 4, step, rule_.activation);
                take(label, score, at, step);
            } else {
                const auto [label, score] = best_class(at + 5 * step, columns - 5, step, rule_.activation);
                take(label,
                     score * activated(at[4 * step],
                                       rule_.activation == Activation::none ? Activation::none : Activation::sigmoid),
                     at, step);
            }
        }
    }

    void take_boxes(std::span<const OutputView> outputs) {
        const FloatView boxes{outputs[*rule_.boxes]}, scores{outputs[*rule_.scores]};
        const auto count = boxes.get().size() / 4;
        const auto& shape = outputs[*rule_.scores].shape;
        const auto classes = rule_.labels ? 1 : static_cast<std::size_t>(shape[1]);
        if (static_cast<std::size_t>(shape[0]) != count || outputs[*rule_.boxes].shape[1] != 4 ||
            (count > 0 && classes == 0))
            throw std::runtime_error{"the model gave another number of scores than of boxes"};
        if (!rule_.labels) {
            for (std::size_t i = 0; i < count; ++i) {
                const auto [label, score] = best_class(scores.get().data() + i * classes, classes, 1, rule_.activation);
                take(label - rule_.first_label, score, boxes.get().data() + 4 * i, 1);
            }
            return;
        }
        const FloatView labels{outputs[*rule_.labels]};
        if (labels.get().size() != count)
            throw std::runtime_error{"the model gave another number of labels than of boxes"};
        for (std::size_t i = 0; i < count; ++i)
            take(label_of(static_cast<double>(labels.get()[i])), activated(scores.get()[i], rule_.activation),
                 boxes.get().data() + 4 * i, 1);
    }

    std::vector<Candidate> chosen() {
        const auto more_certain = [](const Candidate& a, const Candidate& b) { return a.score > b.score; };
        std::stable_sort(found_.begin(), found_.end(), more_certain);
        if (rule_.overlap) drop_overlapping(*rule_.overlap);
        found_.resize(std::min(found_.size(), static_cast<std::size_t>(rule_.max_objects)));
        return std::move(found_);
    }

private:
    std::int64_t label_of(double number) const {
        if (!std::isfinite(number) || number != std::trunc(number))
            throw OutputError{"the model gave a label that is no whole number"};
        return static_cast<std::int64_t>(std::clamp(number, -1e9, 1e9)) - rule_.first_label;
    }

    void take(std::int64_t label, double score, const float* four, std::size_t step) {
        if (score < rule_.threshold || label < 0 || label >= static_cast<std::int64_t>(manifest_.labels.size()))
            return; // background, too
        found_.push_back({label, score, box_of(four, step, rule_.format)});
    }

    void drop_overlapping(double most) {
        found_.resize(std::min(found_.size(), most_compared));
        std::vector<Candidate> kept;
        for (const auto& each : found_) {
            const bool free = std::none_of(kept.begin(), kept.end(), [&](const Candidate& other) {
                return other.label == each.label && overlap(other.box, each.box) > most;
            });
            if (free) kept.push_back(each);
        }
        found_ = std::move(kept);
    }

    const values::Manifest& manifest_;
    const values::ObjectRule& rule_;
    std::vector<Candidate> found_;
};

Box in_picture(Box box, const PictureGeometry& picture, bool normalized) {
    const double wide = normalized ? picture.tensor_width : 1, high = normalized ? picture.tensor_height : 1;
    const auto x = [&](double value) {
        return std::clamp(picture.picture_x(value * wide), 0.0, static_cast<double>(picture.width));
    };
    const auto y = [&](double value) {
        return std::clamp(picture.picture_y(value * high), 0.0, static_cast<double>(picture.height));
    };
    return {x(box.left), y(box.top), x(box.right), y(box.bottom)};
}

} // namespace

frame::Objects objects(std::span<const OutputView> outputs, const values::Manifest& manifest,
                       const PictureGeometry* picture) {
    const auto& rule = manifest.postprocess.objects;
    Finder finder{manifest};
    if (rule.detections) finder.take_columns(outputs[*rule.detections]);
    else finder.take_boxes(outputs);
    frame::Objects found;
    if (picture)
        found.width = static_cast<std::uint32_t>(picture->width),
        found.height = static_cast<std::uint32_t>(picture->height);
    for (const auto& each : finder.chosen()) {
        const Box box = picture ? in_picture(each.box, *picture, rule.normalized) : each.box;
        if (!(box.right > box.left && box.bottom > box.top)) continue; // nothing of it is in the picture
        found.objects.push_back({static_cast<std::uint32_t>(each.label), static_cast<float>(each.score),
                                 static_cast<float>(box.left), static_cast<float>(box.top),
                                 static_cast<float>(box.right - box.left), static_cast<float>(box.bottom - box.top)});
    }
    return found;
}

} // namespace millrace::inference::worker
