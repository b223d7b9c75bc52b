#include "inference/worker/answer.hpp"

#include <utility>

namespace millrace::inference::worker {
namespace {

frame::Tensors with_batch(std::span<const OutputView> outputs, std::int64_t rows, const values::Manifest& manifest) {
    check_outputs(outputs, manifest);
    auto tensors = tensors_of(outputs);
    for (auto& tensor : tensors.tensors)
        if (!tensor.absent) tensor.shape.insert(tensor.shape.begin(), rows);
    return tensors;
}

// What the row was made of: the first picture of its inputs.
const PictureGeometry* picture_of(const DecodedInput& input, std::int64_t row) {
    for (const auto& tensor : input.tensors)
        if (static_cast<std::size_t>(row) < tensor.pictures.size())
            return &tensor.pictures[static_cast<std::size_t>(row)];
    return nullptr;
}

} // namespace

frame::Outcome answer(const Item& item, const values::Manifest& manifest, bool raw) {
    const auto rows = item.input->rows;
    const auto row_views = [&](std::int64_t row, std::int64_t count) {
        return item.outputs->views(item.first_row + row, count, item.pass_rows);
    };
    if (raw || (rows > 1 && manifest.postprocess.kind == values::PostprocessKind::raw))
        return with_batch(row_views(0, rows), rows, manifest);
    if (rows == 1) return postprocess(row_views(0, 1), manifest, picture_of(*item.input, 0));
    frame::Rows list;
    for (std::int64_t row = 0; row < rows; ++row) {
        auto done = postprocess(row_views(row, 1), manifest, picture_of(*item.input, row));
        if (auto* top = std::get_if<frame::TopK>(&done)) list.rows.emplace_back(std::move(*top));
        else if (auto* scores = std::get_if<frame::Scores>(&done)) list.rows.emplace_back(std::move(*scores));
        else if (auto* found = std::get_if<frame::Objects>(&done)) list.rows.emplace_back(std::move(*found));
        else throw std::runtime_error{"a map is made of one row at a time; send the rows one by one"};
    }
    return list;
}

} // namespace millrace::inference::worker
