// Whether the files of an open database are still those at their paths. SQLite goes on with a file that was deleted or
// replaced, and everything that it commits is gone with the process. Used by one thread.
#pragma once
#include "base/descriptor.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace millrace::store {

class FileWatch {
public:
    explicit FileWatch(const std::filesystem::path& database); // open, with its log

    // What has happened; empty: nothing. deleted(): some tenths of a microsecond, for each group. replaced() looks at
    // the paths too, and so finds a folder that was moved away.
    std::string deleted() const;
    std::string replaced() const;

private:
    struct File {
        std::filesystem::path path;
        Descriptor descriptor; // O_PATH: closing another kind would end SQLite's locks on the file (fcntl(2), F_SETLK)
    };
    std::vector<File> files_;
};

} // namespace millrace::store
