#include "cli/jobs/event_lines.hpp"

#include "cli/context.hpp"

namespace millrace::cli {
namespace {

constexpr std::size_t largest_line = 1 << 20;

} // namespace

void EventLines::add(std::span<const char> piece) {
    rest_.append(piece.data(), piece.size());
    std::size_t begin = 0;
    for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
        line(std::string_view{rest_}.substr(begin, end - begin));
        begin = end + 1;
    }
    rest_.erase(0, begin);
    if (rest_.size() > largest_line) throw Failure{failed, "the daemon's answer is not understood: a line has no end"};
}

// An empty line ends an event.
void EventLines::line(std::string_view text) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty()) {
        if (!data_.empty()) take_(name_.empty() ? "message" : name_, data_);
        name_.clear();
        data_.clear();
        return;
    }
    const auto colon = std::min(text.find(':'), text.size());
    const auto field = text.substr(0, colon);
    auto value = text.substr(std::min(colon + 1, text.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") name_ = value;
    if (field == "data") (data_ += data_.empty() ? "" : "\n") += value;
}

} // namespace millrace::cli
