// Which libtorch this is, for what came or changed with a version.
#pragma once
#include <torch/csrc/api/include/torch/version.h>

#define MILLRACE_TORCH_AT_LEAST(major, minor) \
    (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))
