#include "cli/interruption.hpp"

namespace millrace::cli {
namespace {

std::atomic<bool> was_asked{false}; // set by a signal

} // namespace

Interruption::Interruption(Of what) : what_{what} {
    was_asked = false;
    struct sigaction action {};
    action.sa_handler = [](int) { was_asked = true; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &interrupt_);
    if (what_ == Of::all) ::sigaction(SIGTERM, &action, &terminate_);
}

Interruption::~Interruption() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    if (what_ == Of::all) ::sigaction(SIGTERM, &terminate_, nullptr);
}

const std::atomic<bool>& Interruption::asked() { return was_asked; }

} // namespace millrace::cli
