#include "inference/process/worker_output.hpp"

#include <fcntl.h>

#include <algorithm>
#include <string_view>

namespace millrace::inference {
namespace {

constexpr int lines_a_minute = 200;        // a crash of a sanitizer build fits
constexpr std::size_t longest_line = 1000; // what is longer is cut

} // namespace

WorkerOutput::WorkerOutput(EngineLoop& loop, Descriptor pipe, OnLine on_line)
    : loop_{loop},
      pipe_{loop.context(), pipe.release()},
      on_line_{std::move(on_line)} {
    ::fcntl(pipe_.native_handle(), F_SETFL, ::fcntl(pipe_.native_handle(), F_GETFL) | O_NONBLOCK);
}

std::shared_ptr<WorkerOutput> WorkerOutput::start(EngineLoop& loop, Descriptor pipe, OnLine on_line) {
    std::shared_ptr<WorkerOutput> output{new WorkerOutput{loop, std::move(pipe), std::move(on_line)}};
    output->wait();
    return output;
}

void WorkerOutput::stop() {
    for (int turn = 0; turn < 16 && pipe_.is_open() && read_some(); ++turn) {}
    if (!line_.empty()) tell();
    boost::system::error_code ignored;
    pipe_.close(ignored);
    on_line_ = nullptr;
}

void WorkerOutput::wait() {
    pipe_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     loop_.in_turn([self = shared_from_this()](const boost::system::error_code& failure) {
                         if (failure || !self->pipe_.is_open()) return;
                         self->read_some(); // one piece a turn, however much there is
                         if (self->pipe_.is_open()) self->wait();
                     }));
}

bool WorkerOutput::read_some() {
    std::array<char, 16 * 1024> buffer{};
    const auto n = ::read(pipe_.native_handle(), buffer.data(), buffer.size());
    if (n > 0) take({buffer.data(), static_cast<std::size_t>(n)});
    if (n == 0) { // nobody can write any more
        boost::system::error_code ignored;
        pipe_.close(ignored);
    }
    return n > 0;
}

void WorkerOutput::take(std::string_view text) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        line_.append(text.substr(0, std::min(end, longest_line - std::min(longest_line, line_.size()))));
        if (end == text.size()) return;
        tell();
        text.remove_prefix(end + 1);
    }
}

void WorkerOutput::tell() {
    const auto at = std::chrono::steady_clock::now();
    if (at - minute_ >= std::chrono::minutes{1}) {
        minute_ = at;
        lines_ = 0;
    }
    if (lines_ >= lines_a_minute) ++dropped_;
    else if (on_line_) {
        ++lines_;
        on_line_(line_, std::exchange(dropped_, 0));
    }
    line_.clear();
}

} // namespace millrace::inference
