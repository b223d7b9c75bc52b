#include "processors/exec/scratch.hpp"

#include <filesystem>
#include <vector>

#include <sys/stat.h>

namespace millrace::processors {
namespace {

namespace fs = std::filesystem;

// A folder whose owner took the rights to it from himself cannot be emptied.
void open_folders(const fs::path& top) {
    std::vector<fs::path> open{top};
    while (!open.empty()) {
        const auto folder = std::move(open.back());
        open.pop_back();
        std::error_code ignored;
        fs::permissions(folder, fs::perms::owner_all, fs::perm_options::add, ignored);
        for (fs::directory_iterator each{folder, ignored}, end; each != end; each.increment(ignored))
            if (each->symlink_status(ignored).type() == fs::file_type::directory) open.push_back(each->path());
    }
}

} // namespace

int make_scratch(const char* folder) {
    const fs::path path{folder};
    std::error_code failure;
    fs::create_directories(path.parent_path(), failure);
    fs::permissions(path.parent_path(), fs::perms::owner_all, failure);
    return ::mkdir(folder, 0700) == 0 ? 0 : errno;
}

void remove_scratch(const char* folder) {
    std::error_code failure;
    fs::remove_all(folder, failure);
    if (!failure) return;
    open_folders(folder);
    fs::remove_all(folder, failure);
}

} // namespace millrace::processors
