#include "telemetry/log.hpp"

#include "base/clock.hpp"
#include "base/unseen.hpp"
#include "base/utf8.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <iterator>
#include <unistd.h>

namespace millrace::telemetry {
namespace {

constexpr std::size_t longest_value = 4096; // of a text, in bytes; what follows is cut

std::string_view name(Level level) {
    switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
    }
    return "error";
}

// Quoted, with control and format characters (base/unseen.hpp) written as JSON escapes and broken UTF-8 replaced:
// neither a line break nor a terminal's escape sequence can come out of a value.
void append_quoted(std::string& out, std::string_view text) {
    const bool cut = text.size() > longest_value;
    text = utf8_prefix(text, longest_value);
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        const auto [character, length] = first_character(text.substr(at));
        if (length == 0) {
            out += replacement_character;
            ++at;
            continue;
        }
        if (character == '"' || character == '\\') (out += '\\') += text[at];
        else if (character == '\n') out += "\\n";
        else if (character == '\r') out += "\\r";
        else if (character == '\t') out += "\\t";
        else if (character >= 0x20 && character < 0x7f) out += text[at];
        else if (is_unseen(character)) out += seen_json(text.substr(at, length));
        else out.append(text, at, length);
        at += length;
    }
    if (cut) out += "\xe2\x80\xa6";
    out += '"';
}

bool plain(std::string_view text) {
    if (text.empty() || text.size() > longest_value) return false;
    for (const char c : text)
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f || static_cast<unsigned char>(c) >= 0x80)
            return false;
    return true;
}

struct ValueWriter {
    std::string& out;
    LogFormat format;

    void operator()(const std::string& text) const {
        if (format == LogFormat::logfmt && plain(text)) out += text;
        else append_quoted(out, text);
    }
    void operator()(std::int64_t number) const { fmt::format_to(std::back_inserter(out), "{}", number); }
    void operator()(double number) const {
        if (format == LogFormat::json && !std::isfinite(number)) out += "null"; // JSON has no word for it
        else fmt::format_to(std::back_inserter(out), "{:.6g}", number);
    }
    void operator()(bool truth) const { out += truth ? "true" : "false"; }
};

void write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return; // nobody reads the log: there is nowhere to say so
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

} // namespace

Log::Log(Level threshold, LogFormat format, int descriptor)
    : threshold_{threshold},
      format_{format},
      descriptor_{descriptor} {}

void Log::write(Level level, std::string_view event, std::initializer_list<LogField> fields) {
    if (!enabled(level)) return;
    const bool json = format_ == LogFormat::json;
    std::string line;
    line.reserve(256);
    const ValueWriter value{line, format_};
    const auto field = [&](std::string_view key) {
        if (json) {
            line += line.empty() ? '{' : ',';
            append_quoted(line, key);
            line += ':';
        } else {
            if (!line.empty()) line += ' ';
            (line += key) += '=';
        }
    };
    field("ts");
    value(SystemClock::instance().now().text());
    field("level");
    value(std::string{name(level)});
    field("event");
    value(std::string{event});
    for (const auto& each : fields) {
        field(each.name);
        std::visit(value, each.value);
    }
    line += json ? "}\n" : "\n";
    write_all(descriptor_, line);
}

} // namespace millrace::telemetry
