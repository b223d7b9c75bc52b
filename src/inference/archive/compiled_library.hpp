// What must hold of an AOTInductor package before it is loaded. Pure.
#pragma once
#include "base/result.hpp"
#include "inference/archive/archive_records.hpp"

namespace millrace::inference {

// unprocessable with the reason. It has a compiled library, FOLDER/data/aotinductor/MODEL/….so, all of whose segments
// lie in the file (a library that is cut would end the worker when it is mapped), and nothing that TorchScript would
// run.
Result<void> check_compiled_package(const ArchiveRecords& records);

} // namespace millrace::inference
