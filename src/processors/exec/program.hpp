// One run of a program: started, read from, ended. All on the thread of its executor.
#pragma once
#include "base/result.hpp"
#include "processors/exec/guard.hpp"
#include "processors/exec/launch.hpp"
#include "processors/exec/spawn.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <functional>
#include <memory>

namespace millrace::processors {

// Keeps itself alive until it has called `done`. When it is destroyed before, its guard ends the program.
class Program : public std::enable_shared_from_this<Program> {
public:
    using Progress = std::function<void(int percent)>;
    using Done =
        std::function<void(Result<Finished>)>; // once, when nothing of the program is left; never from within start()

    static Result<std::shared_ptr<Program>> start(const boost::asio::any_io_executor& executor, Launch launch,
                                                  Progress progress, Done done);

    // Asks the program to end (SIGTERM), and kills it and what it started when it has not after the grace. Idempotent.
    void stop();

private:
    using Stream = boost::asio::posix::stream_descriptor;

    Program(const boost::asio::any_io_executor& executor, const Launch& launch, Spawned spawned, Progress progress,
            Done done);
    void begin();
    void read_output();
    void read_errors();
    void read_report();
    void wait_for_guard();
    void after(std::chrono::milliseconds time, void (Program::*what)());
    void out_of_time();
    void kill();
    void kill_guard();
    void close_streams();
    void closed(Stream& stream);
    void finish_if_over();

    const std::chrono::milliseconds time_limit_, grace_;
    const pid_t guard_pid_;
    Stream output_stream_, error_stream_, control_, guard_;
    boost::asio::steady_timer timer_; // for whatever limit is the next
    Progress progress_;
    Done done_;
    Output output_;
    ErrorTail errors_;
    GuardReport report_;
    bool reported_ = false, stopping_ = false;
    Finished finished_;
    std::array<char, 32768> output_buffer_;
    std::array<char, 4096> error_buffer_;
};

} // namespace millrace::processors
