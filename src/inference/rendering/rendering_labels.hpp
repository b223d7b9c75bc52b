// Answers that name labels: the part of rendering.hpp for classifications and values. Pure; false where the worker's
// answer does not fit the manifest.
#pragma once
#include "inference/frames/frame.hpp"
#include "values/manifest.hpp"

namespace millrace::inference {

bool add_row(const frame::RowOutcome& row, const values::Manifest& manifest, json::object& out);
bool add_rows(const frame::Rows& rows, const values::Manifest& manifest, json::object& out);

} // namespace millrace::inference
