// What a worker writes to its standard output and error. A model can print, so it is not the daemon's own log: each
// line is handed over as text, and no more of them a minute than a person reads. All in the turn of the loop.
#pragma once
#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "inference/engine/engine_loop.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace millrace::inference {

class WorkerOutput : public std::enable_shared_from_this<WorkerOutput> {
public:
    using OnLine = std::function<void(const std::string& line, std::uint64_t dropped_before)>;

    // Shared: a pending read keeps it alive until the pipe is at its end, or stop().
    static std::shared_ptr<WorkerOutput> start(EngineLoop& loop, Descriptor pipe, OnLine on_line);
    void stop(); // hands over what is there already

private:
    WorkerOutput(EngineLoop& loop, Descriptor pipe, OnLine on_line);
    void wait();
    bool read_some(); // false: nothing more for now
    void take(std::string_view text);
    void tell();

    EngineLoop& loop_;
    boost::asio::posix::stream_descriptor pipe_;
    OnLine on_line_;
    std::string line_;
    Monotonic minute_;
    int lines_ = 0;             // told since
    std::uint64_t dropped_ = 0; // since the last that was told
};

} // namespace millrace::inference
