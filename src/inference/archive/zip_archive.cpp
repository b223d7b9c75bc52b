#include "inference/archive/zip_archive.hpp"

#include "inference/archive/in_quotes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <set>
#include <string>
#include <utility>

namespace millrace::inference {
namespace {

constexpr std::uint32_t local_magic = 0x04034b50, central_magic = 0x02014b50, end_magic = 0x06054b50,
                        end64_magic = 0x06064b50, locator64_magic = 0x07064b50;
constexpr std::size_t local_size = 30, central_size = 46, end_size = 22, end64_size = 56, locator64_size = 20;

Error bad(std::string text) { return {Code::unprocessable, std::move(text)}; }

// Little-endian reads inside bounds; a read outside makes the cursor bad and gives 0.
class Bytes {
public:
    explicit Bytes(std::span<const std::byte> all) : all_{all} {}
    std::uint64_t size() const { return all_.size(); }
    bool holds(std::uint64_t at, std::uint64_t length) const { return at <= all_.size() && length <= all_.size() - at; }
    template <class T>
    T number(std::uint64_t at) const {
        T value{};
        if (holds(at, sizeof value)) std::memcpy(&value, all_.data() + at, sizeof value);
        return value;
    }
    std::string_view text(std::uint64_t at, std::uint64_t length) const {
        return holds(at, length) ? std::string_view{reinterpret_cast<const char*>(all_.data()) + at, length}
                                 : std::string_view{};
    }

private:
    std::span<const std::byte> all_;
};

struct Directory {
    std::uint64_t at = 0, size = 0, entries = 0, end = 0; // end: where the records after the directory begin
};

struct Entry {
    std::string_view name;
    std::uint16_t flags = 0, method = 0;
    std::uint32_t crc = 0;
    std::uint64_t packed = 0, unpacked = 0, local = 0;
    std::uint64_t data = 0, data_end = 0;
};

Result<Directory> find_directory(const Bytes& bytes) {
    if (bytes.size() < end_size) return bad("too short");
    // At the very end: after a comment two readers may each find a directory of their own. Torch writes none.
    const std::uint64_t end = bytes.size() - end_size;
    if (bytes.number<std::uint32_t>(end) != end_magic || bytes.number<std::uint16_t>(end + 20) != 0)
        return bad("no zip directory at its end (is it a TorchScript archive or an AOTInductor package?)");
    if (bytes.number<std::uint16_t>(end + 4) != 0 || bytes.number<std::uint16_t>(end + 6) != 0)
        return bad("an archive of several disks");
    Directory d{bytes.number<std::uint32_t>(end + 16), bytes.number<std::uint32_t>(end + 12),
                bytes.number<std::uint16_t>(end + 10), end};
    if (bytes.number<std::uint16_t>(end + 8) != d.entries) return bad("the directory contradicts itself");
    const bool wide = d.at == 0xffffffff || d.size == 0xffffffff || d.entries == 0xffff;
    const bool located = end >= locator64_size && bytes.number<std::uint32_t>(end - locator64_size) == locator64_magic;
    if (located) { // torch writes the 64-bit records always; readers may use either, so they must agree
        const auto at = bytes.number<std::uint64_t>(end - locator64_size + 8);
        if (!bytes.holds(at, end64_size) || at + end64_size != end - locator64_size ||
            bytes.number<std::uint32_t>(at) != end64_magic)
            return bad("a broken 64-bit directory record");
        const Directory w{bytes.number<std::uint64_t>(at + 48), bytes.number<std::uint64_t>(at + 40),
                          bytes.number<std::uint64_t>(at + 32), at};
        const auto agrees = [](std::uint64_t narrow, std::uint64_t mark, std::uint64_t value) {
            return narrow == mark || narrow == value;
        };
        if (!agrees(d.at, 0xffffffff, w.at) || !agrees(d.size, 0xffffffff, w.size) ||
            !agrees(d.entries, 0xffff, w.entries) || bytes.number<std::uint64_t>(at + 24) != w.entries)
            return bad("the directory records contradict each other");
        d = w;
    } else if (wide) {
        return bad("the 64-bit directory record is missing");
    }
    if (!bytes.holds(d.at, d.size) || d.at + d.size != d.end) return bad("the directory does not lie where it should");
    return d;
}

// Sizes of 0xffffffff stand in the 64-bit extra field, in this order.
bool read_wide_extra(const Bytes& bytes, std::uint64_t at, std::uint64_t length,
                     std::initializer_list<std::uint64_t*> wanted) {
    const bool needed = std::any_of(wanted.begin(), wanted.end(), [](auto* v) { return *v == 0xffffffff; });
    if (!needed) return true;
    for (std::uint64_t i = 0; i + 4 <= length;) {
        const auto id = bytes.number<std::uint16_t>(at + i), size = bytes.number<std::uint16_t>(at + i + 2);
        if (i + 4 + size > length) return false;
        if (id == 1) {
            std::uint64_t from = at + i + 4, left = size;
            for (auto* value : wanted) {
                if (*value != 0xffffffff) continue;
                if (left < 8) return false;
                *value = bytes.number<std::uint64_t>(from);
                from += 8;
                left -= 8;
            }
            return true;
        }
        i += 4u + size;
    }
    return false;
}

bool is_clean_path(std::string_view name) {
    if (name.empty() || name.size() > 1024 || name.front() == '/' || name.find('\\') != name.npos ||
        name.find(':') != name.npos)
        return false;
    if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
        return false;
    for (std::size_t from = 0; from <= name.size();) {
        const auto to = std::min(name.find('/', from), name.size());
        const auto part = name.substr(from, to - from);
        if (part == ".." || part == "." || part.empty()) return false;
        from = to + 1;
    }
    return true;
}

Result<Entry> read_entry(const Bytes& bytes, std::uint64_t& at, std::uint64_t directory_end) {
    if (at + central_size > directory_end || bytes.number<std::uint32_t>(at) != central_magic)
        return bad("the directory ends early");
    Entry e;
    e.flags = bytes.number<std::uint16_t>(at + 8);
    e.method = bytes.number<std::uint16_t>(at + 10);
    e.crc = bytes.number<std::uint32_t>(at + 16);
    e.packed = bytes.number<std::uint32_t>(at + 20);
    e.unpacked = bytes.number<std::uint32_t>(at + 24);
    e.local = bytes.number<std::uint32_t>(at + 42);
    const std::uint64_t name = bytes.number<std::uint16_t>(at + 28), extra = bytes.number<std::uint16_t>(at + 30),
                        comment = bytes.number<std::uint16_t>(at + 32);
    if (at + central_size + name + extra + comment > directory_end) return bad("a directory entry runs over the end");
    if (bytes.number<std::uint16_t>(at + 34) != 0) return bad("an archive of several disks");
    e.name = bytes.text(at + central_size, name);
    if (!read_wide_extra(bytes, at + central_size + name, extra, {&e.unpacked, &e.packed, &e.local}))
        return bad("a broken 64-bit entry");
    at += central_size + name + extra + comment;
    return e;
}

// The local header must say what the directory says: two readers must not see two archives.
Result<void> check_local(const Bytes& bytes, Entry& e, std::uint64_t directory_at) {
    const auto at = e.local;
    if (!bytes.holds(at, local_size) || at + local_size > directory_at ||
        bytes.number<std::uint32_t>(at) != local_magic)
        return bad(fmt::format("the header of entry {} is not where the directory says", in_quotes(e.name)));
    const std::uint64_t name = bytes.number<std::uint16_t>(at + 26), extra = bytes.number<std::uint16_t>(at + 28);
    const auto mismatch = [&] {
        return bad(fmt::format("the header of entry {} contradicts the directory", in_quotes(e.name)));
    };
    if (bytes.text(at + local_size, name) != e.name || bytes.number<std::uint16_t>(at + 8) != e.method ||
        bytes.number<std::uint16_t>(at + 6) != e.flags)
        return mismatch();
    std::uint64_t packed = bytes.number<std::uint32_t>(at + 18), unpacked = bytes.number<std::uint32_t>(at + 22);
    const auto crc = bytes.number<std::uint32_t>(at + 14);
    if (!read_wide_extra(bytes, at + local_size + name, extra, {&unpacked, &packed})) return mismatch();
    const bool streamed = e.flags & 8; // sizes follow the data; torch writes them so
    const bool deferred = streamed && crc == 0 && packed == 0 && unpacked == 0;
    if (!deferred && (packed != e.packed || unpacked != e.unpacked || crc != e.crc)) return mismatch();
    const auto data = at + local_size + name + extra;
    if (data > directory_at || e.packed > directory_at - data)
        return bad(fmt::format("entry {} runs over the end", in_quotes(e.name)));
    e.data = data;
    e.data_end = data + e.packed;
    return success();
}

Result<void> check_entry(const Entry& e, const ArchiveLimits& limits) {
    if (!is_clean_path(e.name)) return bad("an entry with an unacceptable path");
    if (e.flags & ~std::uint16_t{0x0808})
        return bad(fmt::format("entry {} is encrypted or of an unknown form", in_quotes(e.name)));
    if (e.method != 0 && e.method != 8)
        return bad(fmt::format("entry {} is neither stored nor deflated", in_quotes(e.name)));
    if (e.method == 0 && e.packed != e.unpacked)
        return bad(fmt::format("entry {} is stored, but its sizes differ", in_quotes(e.name)));
    if (e.unpacked / limits.max_ratio > e.packed)
        return bad(fmt::format("entry {} unpacks to more than {} times its size", in_quotes(e.name), limits.max_ratio));
    return success();
}

// Torch finds entries whatever their case, so no two may differ by that alone.
Result<void> check_places(std::vector<Entry>& entries) {
    std::set<std::string> names;
    for (const auto& e : entries)
        if (!names.insert(folded(e.name)).second) return bad(fmt::format("entry {} is there twice", in_quotes(e.name)));
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.local < b.local; });
    for (std::size_t i = 1; i < entries.size(); ++i)
        if (entries[i].local < entries[i - 1].data_end)
            return bad(
                fmt::format("entries {} and {} overlap", in_quotes(entries[i - 1].name), in_quotes(entries[i].name)));
    return success();
}

} // namespace

std::string folded(std::string_view name) {
    std::string out{name};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

Result<std::vector<ZipEntry>> read_zip(std::span<const std::byte> raw, const ArchiveLimits& limits) {
    const Bytes bytes{raw};
    auto directory = find_directory(bytes);
    if (!directory) return directory.error();
    if (directory->entries == 0 || directory->entries > limits.max_entries)
        return bad(fmt::format("it has {} entries (1 to {} are allowed)", directory->entries, limits.max_entries));
    std::vector<Entry> entries;
    std::vector<ZipEntry> found;
    std::uint64_t at = directory->at, unpacked = 0;
    for (std::uint64_t i = 0; i < directory->entries; ++i) {
        auto entry = read_entry(bytes, at, directory->at + directory->size);
        if (!entry) return entry.error();
        if (auto fine = check_entry(*entry, limits); !fine) return fine.error();
        if (auto fine = check_local(bytes, *entry, directory->at); !fine) return fine.error();
        if (entry->unpacked > limits.max_unpacked - unpacked)
            return bad(fmt::format("it unpacks to more than {} bytes", limits.max_unpacked));
        unpacked += entry->unpacked;
        found.push_back(
            {entry->name, bytes.text(entry->data, entry->packed), entry->method == 8, entry->crc, entry->unpacked});
        entries.push_back(*entry);
    }
    if (at != directory->at + directory->size) return bad("the directory has more than its entries");
    if (auto apart = check_places(entries); !apart) return apart.error();
    return found;
}

} // namespace millrace::inference
