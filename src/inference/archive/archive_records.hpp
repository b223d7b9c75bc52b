// The records of an archive of torch by their names, found as libtorch finds them. Pure.
#pragma once
#include "base/result.hpp"
#include "inference/archive/zip_archive.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::inference {

class ArchiveRecords {
public:
    // unprocessable when the entries do not lie in one folder. They are borrowed.
    static Result<ArchiveRecords> make(const std::vector<ZipEntry>& entries);

    // Whatever the case of its letters (miniz's mz_zip_reader_locate_file without flags); `name` has no folder.
    const ZipEntry* find(std::string_view name) const;
    bool any_below(std::string_view folder) const; // "code/"; whatever its case, too
    std::vector<const ZipEntry*> ending(std::string_view end) const;

private:
    explicit ArchiveRecords(std::map<std::string, const ZipEntry*> by_name) : by_name_{std::move(by_name)} {}

    std::map<std::string, const ZipEntry*> by_name_; // in lower case, without the folder
};

} // namespace millrace::inference
