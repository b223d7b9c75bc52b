// Structured log: one line an event on standard error, as logfmt for people or JSON for programs. Values are
// stripped of control characters; never pass bodies, tokens or keys. Thread-safe; a line is one write(2).
#pragma once
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace millrace::telemetry {

enum class Level { debug, info, warning, error };
enum class LogFormat { logfmt, json };

struct LogField {
    std::string_view name;
    std::variant<std::string, std::int64_t, double, bool> value;

    LogField(std::string_view n, std::string v) : name{n}, value{std::move(v)} {}
    LogField(std::string_view n, std::string_view v) : name{n}, value{std::string{v}} {}
    LogField(std::string_view n, const char* v) : name{n}, value{std::string{v}} {}
    LogField(std::string_view n, bool v) : name{n}, value{v} {}
    LogField(std::string_view n, double v) : name{n}, value{v} {}
    template <class Integer>
    requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>) LogField(std::string_view n, Integer v)
        : name{n},
          value{static_cast<std::int64_t>(v)} {}
};

class Log {
public:
    Log(Level threshold, LogFormat format, int descriptor = 2);

    void set_level(Level level) { threshold_ = level; }
    bool enabled(Level level) const { return level >= threshold_.load(std::memory_order_relaxed); }

    // log.info("worker ready", {{"pid", pid}, {"runtime", version}});
    void write(Level level, std::string_view event, std::initializer_list<LogField> fields = {});
    void debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(Level::debug, event, fields);
    }
    void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(Level::info, event, fields);
    }
    void warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(Level::warning, event, fields);
    }
    void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(Level::error, event, fields);
    }

private:
    std::atomic<Level> threshold_;
    LogFormat format_;
    int descriptor_;
};

} // namespace millrace::telemetry
