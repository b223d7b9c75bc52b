// Answers that name labels: the part of rendering.hpp for classifications and values. Pure; false where the worker's answer
// does not fit the manifest.
#pragma once
#include "inference/frame.hpp"
#include "model/manifest.hpp"

namespace millrace::inference {

bool add_row(const frame::RowOutcome& row, const model::Manifest& manifest, json::object& out);
bool add_rows(const frame::Rows& rows, const model::Manifest& manifest, json::object& out);

} // namespace millrace::inference
