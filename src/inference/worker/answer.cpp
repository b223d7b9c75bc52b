#include "inference/worker/answer.hpp"

#include <fmt/format.h>

#include <utility>

namespace millrace::inference::worker {
namespace {

void check(std::span<const OutputView> outputs, const model::Manifest& manifest) {
    if (outputs.size() < manifest.outputs.size())
        throw std::runtime_error{fmt::format("the model returned {} tensors, its manifest promises {}", outputs.size(),
                                             manifest.outputs.size())};
    for (std::size_t i = 0; i < manifest.outputs.size(); ++i) {
        const auto& promised = manifest.outputs[i];
        if (outputs[i].datatype != promised.datatype || !promised.accepts(outputs[i].shape))
            throw std::runtime_error{fmt::format("the model returned {} {} as \"{}\", its manifest promises {} {}",
                                                 model::name(outputs[i].datatype), model::shape_text(outputs[i].shape),
                                                 promised.name, model::name(promised.datatype),
                                                 model::shape_text(promised.shape))};
    }
}

frame::Tensors tensors_of(std::span<const OutputView> outputs, std::int64_t rows, bool with_batch) {
    frame::Tensors tensors;
    for (const auto& output : outputs) {
        frame::Tensor tensor{output.datatype, {output.shape.begin(), output.shape.end()},
                             std::string{reinterpret_cast<const char*>(output.data), output.bytes}};
        if (with_batch) tensor.shape.insert(tensor.shape.begin(), rows);
        tensors.tensors.push_back(std::move(tensor));
    }
    return tensors;
}

} // namespace

frame::Outcome answer(const Item& item, const model::Manifest& manifest, bool raw) {
    const auto rows = item.input->rows;
    const auto all = item.outputs->views(item.first_row, rows, item.pass_rows);
    check(all, manifest);
    if (raw || manifest.postprocess.kind == model::PostprocessKind::raw) return tensors_of(all, rows, raw || rows > 1);
    frame::TopKs list;
    for (std::int64_t row = 0; row < rows; ++row) {
        auto done = postprocess(item.outputs->views(item.first_row + row, 1, item.pass_rows), manifest);
        if (rows == 1) return std::visit([](auto& each) -> frame::Outcome { return std::move(each); }, done);
        auto* top = std::get_if<frame::TopK>(&done);
        if (!top) throw std::runtime_error{"a map is made of one row at a time; send the rows one by one"};
        list.rows.push_back(std::move(*top));
    }
    return list;
}

} // namespace millrace::inference::worker
