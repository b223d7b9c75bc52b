#include "cli/body.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "cli/context.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::cli {
namespace {

[[noreturn]] void cannot_read(const std::string& name, int error) {
    throw Failure{failed, fmt::format("cannot read {}: {}", name, std::strerror(error))};
}

std::size_t read_some(int file, std::span<char> buffer, const std::string& name) {
    for (;;) {
        const auto got = ::read(file, buffer.data(), buffer.size());
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) cannot_read(name, errno);
    }
}

// The length must be known before the request: what comes through a pipe goes to a nameless file first.
Descriptor spooled(int source, const std::string& name) {
    Descriptor file{::open(std::filesystem::temp_directory_path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    if (!file) throw Failure{failed, fmt::format("cannot keep {} in a temporary file: {}", name, std::strerror(errno))};
    std::array<char, 65536> buffer{};
    while (const auto got = read_some(source, buffer, name))
        for (std::size_t done_ = 0; done_ < got;) {
            const auto written = ::write(file.get(), buffer.data() + done_, got - done_);
            if (written <= 0)
                throw Failure{failed,
                              fmt::format("cannot keep {} in a temporary file: {}", name, std::strerror(errno))};
            done_ += static_cast<std::size_t>(written);
        }
    ::lseek(file.get(), 0, SEEK_SET);
    return file;
}

// As a value in a quoted parameter of a header.
std::string parameter(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '"') out += "%22";
        else if (c == '\r' || c == '\n') out += ' ';
        else out += c;
    }
    return out;
}

} // namespace

void Body::add_text(std::string text) {
    size_ += text.size();
    if (!pieces_.empty() && !pieces_.back().file) pieces_.back().text += text;
    else pieces_.push_back(Piece{std::move(text), {}, {}, 0});
}

void Body::add_file(const std::filesystem::path& path) {
    Piece piece;
    const bool standard_input = path == "-";
    piece.name = standard_input ? "standard input" : path.string();
    piece.file = Descriptor{standard_input ? ::dup(0) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!piece.file) cannot_read(piece.name, errno);
    struct stat status {};
    if (::fstat(piece.file.get(), &status) != 0) cannot_read(piece.name, errno);
    if (S_ISDIR(status.st_mode)) cannot_read(piece.name, EISDIR);
    if (!S_ISREG(status.st_mode)) {
        piece.file = spooled(piece.file.get(), piece.name);
        if (::fstat(piece.file.get(), &status) != 0) cannot_read(piece.name, errno);
    }
    piece.size = static_cast<std::uint64_t>(status.st_size);
    size_ += piece.size;
    pieces_.push_back(std::move(piece));
}

bool Body::pump_file(const Piece& piece, const std::function<bool(std::span<const char>)>& take) {
    std::vector<char> buffer(256 * 1024);
    for (std::uint64_t left = piece.size; left > 0;) {
        const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
        const auto got = read_some(piece.file.get(), {buffer.data(), most}, piece.name);
        if (got == 0) throw Failure{failed, piece.name + " got shorter while it was being sent"};
        left -= got;
        if (!take({buffer.data(), got})) return false;
    }
    return true;
}

void Body::pump(const std::function<bool(std::span<const char>)>& take) {
    for (const auto& piece : pieces_) {
        const bool more = piece.file ? pump_file(piece, take) : take({piece.text.data(), piece.text.size()});
        if (!more) return;
    }
}

Form::Form() {
    std::array<std::byte, 16> random{};
    random_bytes(random);
    boundary_ = "millrace-" + hex(random);
}

void Form::part(const std::string& name, const std::string& file_name, const std::string& content_type) {
    const auto file = file_name.empty() ? std::string{} : fmt::format("; filename=\"{}\"", parameter(file_name));
    body_.add_text(fmt::format("{}--{}\r\nContent-Disposition: form-data; name=\"{}\"{}\r\nContent-Type: {}\r\n\r\n",
                               body_.size() > 0 ? "\r\n" : "", boundary_, parameter(name), file, content_type));
}

void Form::text(const std::string& name, const std::string& content_type, std::string value) {
    part(name, "", content_type);
    body_.add_text(std::move(value));
}

void Form::file(const std::string& name, const std::filesystem::path& path, const std::string& content_type) {
    part(name, path == "-" ? "input" : path.filename().string(), content_type);
    body_.add_file(path);
}

std::string Form::content_type() const { return "multipart/form-data; boundary=" + boundary_; }

Body Form::finish() {
    body_.add_text(fmt::format("\r\n--{}--\r\n", boundary_));
    return std::move(body_);
}

std::string media_type(const std::filesystem::path& path) {
    std::array<char, 12> first{};
    if (Descriptor file{path == "-" ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)}) {
        const auto got = ::pread(file.get(), first.data(), first.size(), 0);
        const std::string_view magic{first.data(), static_cast<std::size_t>(std::max<ssize_t>(0, got))};
        if (magic.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
        if (magic.starts_with("\xff\xd8\xff")) return "image/jpeg";
        if (magic.starts_with("RIFF") && magic.ends_with("WEBP")) return "image/webp";
        if (magic.starts_with(std::string_view{"II*\0", 4}) || magic.starts_with(std::string_view{"MM\0*", 4}))
            return "image/tiff";
    }
    const auto extension = path.extension();
    if (extension == ".json") return "application/json";
    if (extension == ".txt") return "text/plain";
    if (extension == ".csv") return "text/csv";
    return "application/octet-stream";
}

} // namespace millrace::cli
