#include "cli/service/terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace millrace::cli {
namespace {

// A signal handler can reach nothing but globals.
volatile std::sig_atomic_t asked_to_end = 0, resized = 0;

constexpr std::array ending_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr char ctrl_c = 3, ctrl_d = 4, ctrl_z = 26;

void on_signal(int number) {
    if (number == SIGWINCH) resized = 1;
    else asked_to_end = 1;
}

// Without SA_RESTART, so that a wait is interrupted.
void handle(int number, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    ::sigaction(number, &action, nullptr);
}

void send(std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno != EINTR) return; // nobody sees it
        if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
}

} // namespace

Terminal::Terminal() {
    asked_to_end = 0;
    resized = 0;
    for (const int number : ending_signals) handle(number, on_signal);
    handle(SIGWINCH, on_signal);
    enter();
}

Terminal::~Terminal() {
    leave();
    for (const int number : ending_signals) handle(number, SIG_DFL);
    handle(SIGWINCH, SIG_DFL);
}

void Terminal::enter() {
    ::tcgetattr(STDIN_FILENO, &before_);
    auto raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    send("\x1b[?1049h\x1b[?25l"); // the other screen, no cursor
}

void Terminal::leave() {
    send("\x1b[?25h\x1b[?1049l");
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void Terminal::suspend() {
    leave();
    ::raise(SIGSTOP);
    enter();
}

Terminal::Size Terminal::size() const {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
    return {size.ws_col, size.ws_row};
}

void Terminal::draw(const std::vector<std::string>& lines) {
    std::string text = "\x1b[H";
    for (const auto& line : lines) {
        if (&line != &lines.front()) text += '\n';
        text += line + "\x1b[K";
    }
    send(text + "\x1b[J");
}

Terminal::Event Terminal::wait(std::chrono::milliseconds patience) {
    pollfd entry{STDIN_FILENO, POLLIN, 0};
    const int ready = asked_to_end ? 0 : ::poll(&entry, 1, static_cast<int>(patience.count()));
    if (asked_to_end) return Event::end;
    if (resized) {
        resized = 0;
        return Event::resized;
    }
    if (ready <= 0) return Event::none;
    const auto got = ::read(STDIN_FILENO, &key_, 1);
    if (got < 0 && errno == EINTR) return Event::none;
    if (got <= 0 || key_ == ctrl_c || key_ == ctrl_d) return Event::end;
    if (key_ != ctrl_z) return Event::key;
    suspend();
    return Event::resized;
}

} // namespace millrace::cli
