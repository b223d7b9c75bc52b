// Ctrl-C and a request to end are noticed, while one of these lives, instead of ending the program. The second Ctrl-C
// ends it. One at a time.
#pragma once
#include <atomic>

#include <csignal>

namespace millrace::cli {

class Interruption {
public:
    enum class Of { keys, all }; // Ctrl-C alone, or SIGTERM too
    explicit Interruption(Of what);
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

    static const std::atomic<bool>& asked(); // since the last one began

private:
    Of what_;
    struct sigaction interrupt_ {
    }, terminate_{};
};

} // namespace millrace::cli
