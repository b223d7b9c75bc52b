// What must hold of a TorchScript archive (torch.jit.save) before libtorch reads it. Pure.
#pragma once
#include "base/result.hpp"
#include "inference/archive/archive_records.hpp"

namespace millrace::inference {

// unprocessable with what is missing or wrong and what to do. The records are
// - data.pkl and constants.pkl with the records that they name (tensor_records.hpp),
// - code/…, and *.debug_pkl beside it, pickles without weights,
// - version, or .data/version when the code has an operator of file format 6 or later (GELU, linspace …),
// - byteorder "little" where it is there (torch 2 and later), and others that libtorch does not look at: extra/…,
//   .data/serialization_id, .format_version, .storage_alignment, traced_inputs.pkl, bytecode.pkl.
// model.json would have libtorch read the archive in another, older way; no such archive is taken.
Result<void> check_script_archive(const ArchiveRecords& records);

} // namespace millrace::inference
