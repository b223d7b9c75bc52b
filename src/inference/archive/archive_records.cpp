#include "inference/archive/archive_records.hpp"

namespace millrace::inference {

Result<ArchiveRecords> ArchiveRecords::make(const std::vector<ZipEntry>& entries) {
    const auto slash = entries.front().name.find('/');
    if (slash == std::string_view::npos)
        return Error{Code::unprocessable,
                     "entries lie in no folder, so it is neither a TorchScript archive nor an AOTInductor package"};
    const auto folder = entries.front().name.substr(0, slash + 1);
    std::map<std::string, const ZipEntry*> by_name;
    for (const auto& entry : entries) {
        if (!entry.name.starts_with(folder)) return Error{Code::unprocessable, "entries lie in more than one folder"};
        by_name.emplace(folded(entry.name.substr(folder.size())), &entry);
    }
    return ArchiveRecords{std::move(by_name)};
}

const ZipEntry* ArchiveRecords::find(std::string_view name) const {
    const auto found = by_name_.find(folded(name));
    return found == by_name_.end() ? nullptr : found->second;
}

bool ArchiveRecords::any_below(std::string_view folder) const {
    const auto first = by_name_.lower_bound(folded(folder));
    return first != by_name_.end() && first->first.starts_with(folded(folder));
}

std::vector<const ZipEntry*> ArchiveRecords::ending(std::string_view end) const {
    std::vector<const ZipEntry*> found;
    for (const auto& [name, entry] : by_name_)
        if (name.ends_with(end)) found.push_back(entry);
    return found;
}

} // namespace millrace::inference
