#include "processors/exec/program.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>

#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>

namespace millrace::processors {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr auto guard_patience = 15s; // to kill everything and remove the folder
constexpr auto pipe_patience = 1s;   // for the ends of the pipes, when all who could write are gone

} // namespace

Result<std::shared_ptr<Program>> Program::start(const asio::any_io_executor& executor, Launch launch, Progress progress,
                                                Done done) {
    auto spawned = spawn_guard(launch);
    if (!spawned) return spawned.error();
    std::shared_ptr<Program> program{
        new Program{executor, launch, std::move(*spawned), std::move(progress), std::move(done)}};
    program->begin();
    return program;
}

Program::Program(const asio::any_io_executor& executor, const Launch& launch, Spawned spawned, Progress progress,
                 Done done)
    : time_limit_{launch.time_limit},
      grace_{launch.grace},
      guard_pid_{spawned.pid},
      output_stream_{executor, spawned.output.release()},
      error_stream_{executor, spawned.errors.release()},
      control_{executor, spawned.control.release()},
      guard_{executor, spawned.process.release()},
      timer_{executor},
      progress_{std::move(progress)},
      done_{std::move(done)},
      output_{launch.max_output_bytes} {}

void Program::begin() {
    read_output();
    read_errors();
    read_report();
    wait_for_guard();
    after(time_limit_, &Program::out_of_time);
}

void Program::read_output() {
    output_stream_.async_read_some(asio::buffer(output_buffer_), [self = shared_from_this()](error_code failure,
                                                                                             std::size_t size) {
        if (const auto percent = self->output_.take({self->output_buffer_.data(), size}); percent && !self->stopping_)
            self->progress_(*percent);
        if (self->output_.too_large()) self->stop();
        if (failure) return self->closed(self->output_stream_);
        self->read_output();
    });
}

void Program::read_errors() {
    error_stream_.async_read_some(asio::buffer(error_buffer_),
                                  [self = shared_from_this()](error_code failure, std::size_t size) {
                                      self->errors_.take({self->error_buffer_.data(), size});
                                      if (failure) return self->closed(self->error_stream_);
                                      self->read_errors();
                                  });
}

void Program::read_report() {
    asio::async_read(control_, asio::buffer(&report_, sizeof report_),
                     [self = shared_from_this()](error_code failure, std::size_t) {
                         self->reported_ = !failure;
                         self->closed(self->control_);
                     });
}

void Program::wait_for_guard() {
    guard_.async_wait(Stream::wait_read, [self = shared_from_this()](error_code) {
        int status = 0;
        while (::waitpid(self->guard_pid_, &status, 0) < 0 && errno == EINTR) {} // it has ended: this does not block
        self->after(pipe_patience, &Program::close_streams);
        self->closed(self->guard_);
    });
}

// Replaces the limit before it.
void Program::after(std::chrono::milliseconds time, void (Program::*what)()) {
    timer_.expires_after(time);
    timer_.async_wait([self = weak_from_this(), what](error_code failure) {
        if (const auto program = self.lock(); program && !failure) (*program.*what)();
    });
}

void Program::out_of_time() {
    finished_.timed_out = true;
    stop();
}

void Program::stop() {
    if (std::exchange(stopping_, true) || !guard_.is_open()) return;
    (void)!::send(control_.native_handle(), &guard_terminate, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    after(grace_, &Program::kill);
}

void Program::kill() {
    if (control_.is_open()) ::shutdown(control_.native_handle(), SHUT_WR); // its report may still come
    after(guard_patience, &Program::kill_guard);
}

void Program::kill_guard() {
    // The kernel ends the command with it; only what the command had started elsewhere can be left.
    if (guard_.is_open()) ::kill(guard_pid_, SIGKILL);
    after(guard_patience, &Program::close_streams);
}

void Program::close_streams() {
    error_code ignored;
    for (auto* stream : {&output_stream_, &error_stream_, &control_})
        stream->close(ignored); // each read reports once more
}

void Program::closed(Stream& stream) {
    error_code ignored;
    stream.close(ignored);
    finish_if_over();
}

void Program::finish_if_over() {
    if (output_stream_.is_open() || error_stream_.is_open() || control_.is_open() || guard_.is_open()) return;
    const auto done = std::exchange(done_, nullptr);
    if (!done) return;
    timer_.cancel();
    output_.end();
    if (reported_ && report_.kind == GuardReport::Kind::ended) finished_.status = report_.value;
    if (reported_ && report_.kind == GuardReport::Kind::not_started) finished_.start_error = report_.value;
    finished_.output = std::move(output_);
    finished_.errors = errors_.text();
    done(std::move(finished_));
}

} // namespace millrace::processors
