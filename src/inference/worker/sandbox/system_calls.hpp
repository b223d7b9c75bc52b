// The seccomp filter of the worker: which calls of the kernel computing needs, and which refusals are worth telling.
#pragma once
#include "base/descriptor.hpp"
#include "base/result.hpp"

namespace millrace::inference::worker {

struct FilterOptions {
    bool files = true; // files may be opened for reading; false where Landlock does not say which
    bool gpu = false;  // devices may be opened for writing (Landlock says which), and spoken to by ioctl
};

// Applies to all threads of the process, for ever. What is refused fails with EPERM; the calls that only a hostile
// model makes (a socket, a process, a file to write) wait for whoever reads the returned descriptor to be told of them
// and to answer: see denial_watch.hpp. An invalid descriptor: this kernel cannot tell anybody, the calls are refused
// all the same.
Result<Descriptor> filter_system_calls(const FilterOptions& options);

} // namespace millrace::inference::worker
