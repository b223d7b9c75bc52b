// Which of OpenBLAS's kernels suit this processor. Its releases pick slow ones on processors that are newer than they
// are; libtorch as Debian builds it calls the system's BLAS.
#pragma once
#include <string_view>

namespace millrace::inference {

// A value for OPENBLAS_CORETYPE; empty: leave the choice to the library.
std::string_view openblas_core();

} // namespace millrace::inference
