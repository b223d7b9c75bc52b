#include "cli/download.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <ostream>
#include <unistd.h>

namespace millrace::cli {
namespace {

// A file that is not there until keep(): under a temporary name beside its place.
class Pending {
public:
    explicit Pending(std::string path) : path_{std::move(path)}, temporary_{path_ + ".XXXXXX"} {
        file_ = Descriptor{::mkostemp(temporary_.data(), O_CLOEXEC)};
        if (!file_) broken("create");
    }
    ~Pending() {
        if (!kept_) ::unlink(temporary_.c_str());
    }
    void write(std::span<const char> bytes) {
        while (!bytes.empty()) {
            const auto written = ::write(file_.get(), bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) broken("write");
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        }
    }
    void keep(mode_t mode = 0666) {
        const mode_t mask = ::umask(0);
        ::umask(mask);
        if (::fchmod(file_.get(), mode & ~mask) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0)
            broken("write");
        kept_ = true;
    }

private:
    [[noreturn]] void broken(std::string_view verb) const {
        throw Failure{failed, fmt::format("cannot {} {}: {}", verb, path_, std::strerror(errno))};
    }
    std::string path_, temporary_;
    Descriptor file_;
    bool kept_ = false;
};

} // namespace

void download(Context& context, const Client& client, const std::string& sha256, const std::string& output) {
    download_from(context, client, "/api/v1/blobs/" + encoded(sha256), sha256, output);
}

void download_from(Context& context, const Client& client, const std::string& target, const std::string& sha256,
                   const std::string& output) {
    std::unique_ptr<Pending> file = output == "-" ? nullptr : std::make_unique<Pending>(output);
    Progress progress{context.err, context.progress && file, "downloading"};
    Sha256Stream digest;
    std::uint64_t got = 0;
    const auto take = [&](std::span<const char> bytes, std::optional<std::uint64_t> total) {
        digest.update(std::as_bytes(bytes));
        got += bytes.size();
        if (file) file->write(bytes);
        else context.out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        progress.show(total && *total > 0 ? static_cast<double>(got) / static_cast<double>(*total) : -1,
                      size_text(got));
    };
    client.call({.target = target, .received = take});
    if (hex(digest.finish()) != sha256)
        throw Failure{failed, fmt::format("what came is not {}: its digest differs", sha256)};
    if (file) file->keep();
}

void write_file(const std::string& path, std::string_view text, bool secret) {
    Pending file{path};
    file.write(text);
    file.keep(secret ? 0600 : 0666);
}

} // namespace millrace::cli
