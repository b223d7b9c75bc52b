// A terminal taken over for a live view: a screen of its own, keys as they are pressed. What it was before is restored
// when this is destroyed, however the program leaves, and while it is suspended. One at a time.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <termios.h>

namespace millrace::cli {

class Terminal {
public:
    Terminal(); // on standard input and output, both of them terminals
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    struct Size {
        std::size_t columns = 80, rows = 24;
    };
    Size size() const;

    void draw(const std::vector<std::string>& lines);

    enum class Event { none, resized, key, end }; // end: Ctrl-C, a signal that asks to end, or nobody there any more
    // Waits for the first of them, `patience` at most. Ctrl-Z suspends the program and comes back as `resized`.
    Event wait(std::chrono::milliseconds patience);
    char key() const { return key_; } // after Event::key

private:
    void enter();
    void leave();
    void suspend();

    termios before_{};
    char key_ = 0;
};

} // namespace millrace::cli
