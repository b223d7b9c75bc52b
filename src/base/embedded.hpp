// Files compiled into the binary (cmake/Embed.cmake). The bytes live as long as the program.
#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace millrace::embedded {

struct File {
    std::string_view path; // relative, with slashes: "ui/index.html"
    std::span<const std::byte> bytes;

    std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

// One embedded folder, sorted by path.
class Files {
public:
    explicit constexpr Files(std::span<const File> files) : files_{files} {}

    std::span<const File> list() const { return files_; }
    std::optional<std::span<const std::byte>> find(std::string_view path) const {
        const auto at = std::lower_bound(files_.begin(), files_.end(), path,
                                         [](const File& file, std::string_view wanted) { return file.path < wanted; });
        if (at == files_.end() || at->path != path) return std::nullopt;
        return at->bytes;
    }
    std::optional<std::string_view> text(std::string_view path) const {
        const auto bytes = find(path);
        if (!bytes) return std::nullopt;
        return std::string_view{reinterpret_cast<const char*>(bytes->data()), bytes->size()};
    }

private:
    std::span<const File> files_;
};

const Files& migrations();          // library embedded_migrations: "0001_first.up.sql", …
const Files& postgres_migrations(); // library embedded_postgres_migrations: "0009_first.up.sql", …
const Files& assets();              // library embedded_assets: "ui/…", "openapi.json", "millrace.toml"
const Files& examples();            // library embedded_examples: "digit-7-row-1442.png", "land_cover.npy"

} // namespace millrace::embedded
