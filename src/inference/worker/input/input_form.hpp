// What a request's bytes are: a picture, a table, JSON … by the type that their sender named and by the bytes.
//
// Clients name types carelessly: curl says application/x-www-form-urlencoded of any body and nothing of a form's part,
// scripts text/plain of JSON, browsers the type that a file's name has. So a type that says nothing, or text/plain
// where no text is taken, leaves it to the bytes, each type may have any of the names that are in use for it, and an
// image/… is the picture that its bytes say. What is left is refused: a type is never overruled by guesses.
#pragma once
#include "inference/worker/input/input_error.hpp"
#include "values/manifest.hpp"

#include <string_view>

namespace millrace::inference::worker {

enum class Form { image, npy, npz, json, text, csv, raw };

// `first`: the model's first input, which decides where the bytes alone do not. InputError when type and bytes
// disagree, or for a type that is not taken.
Form form_of(std::string_view bytes, std::string_view media_type, const values::InputSpec& first);

} // namespace millrace::inference::worker
