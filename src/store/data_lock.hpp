// The lock on a data folder: while one process holds it, no other daemon or tool opens the store in it.
#pragma once
#include "base/descriptor.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <optional>

#include <sys/types.h>

namespace millrace::store {

// Held until destroyed; the kernel lets go when the process ends, however it ends.
class DataLock {
public:
    // conflict, naming the other process, when it is taken; unavailable when the file cannot be made.
    static Result<DataLock> acquire(const std::filesystem::path& data);
    // Who holds it, as far as its file says; nullopt: it cannot be told.
    static std::optional<pid_t> holder(const std::filesystem::path& data);

private:
    explicit DataLock(Descriptor file) : file_{std::move(file)} {}
    Descriptor file_;
};

} // namespace millrace::store
