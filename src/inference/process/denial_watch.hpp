// What a worker's sandbox refuses, told by the kernel (seccomp's user notification): the call waits in the worker until
// it has been answered here, always with EPERM. So nothing in the worker can keep a refusal from being told, and who
// tries in a loop waits, for the answers slow down. All in the turn of the loop.
#pragma once
#include "base/descriptor.hpp"
#include "inference/engine/engine_loop.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <string>

namespace millrace::inference {

struct Denial {
    std::string call;      // "socket"
    std::string arguments; // what can be told of them: "AF_INET, SOCK_STREAM"; often empty
};

class DenialWatch : public std::enable_shared_from_this<DenialWatch> {
public:
    using OnDenied = std::function<void(const Denial&)>; // before the call is answered

    // Shared: a pending wait keeps it alive until it has seen the end of the worker, or stop().
    static std::shared_ptr<DenialWatch> start(EngineLoop& loop, Descriptor listener, OnDenied on_denied);
    void stop(); // what is refused from here on fails as before, and nobody is told

private:
    DenialWatch(EngineLoop& loop, Descriptor listener, OnDenied on_denied);
    void wait();
    bool answer_one(); // false: there will be no more
    void pause();

    EngineLoop& loop_;
    boost::asio::posix::stream_descriptor listener_;
    boost::asio::steady_timer timer_;
    OnDenied on_denied_;
    int answered_ = 0;
};

} // namespace millrace::inference
