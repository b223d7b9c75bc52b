// What a program writes. Pure; on one thread.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::processors {

// Its standard output: lines of progress first (`progress 45`, or {"progress_percent":45}), the result after them.
class Output {
public:
    explicit Output(std::size_t max_result_bytes) : max_{max_result_bytes} {}

    // The latest progress that these bytes tell, in percent.
    std::optional<int> take(std::string_view bytes);
    void end(); // all was taken
    bool too_large() const { return too_large_; }
    // After end(): JSON text, the program's own, or {"stdout":"…"} where that is none.
    std::string result() const;

private:
    void begin_result();
    void check_size();

    std::size_t max_;
    std::string line_; // not ended yet; as long as there was only progress
    std::string result_;
    bool in_result_ = false, too_large_ = false;
};

// Its standard error, of which the end is kept for the error message.
class ErrorTail {
public:
    void take(std::string_view bytes);
    std::string text() const; // readable UTF-8, without blanks around it; empty when there was nothing

private:
    std::string tail_;
};

} // namespace millrace::processors
