#include "async/io_pool.hpp"

#include <pthread.h>

namespace millrace::async {

void name_this_thread(const std::string& name) { ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str()); }

IoPool::IoPool(const std::string& name, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        auto& lane = *lanes_.emplace_back(std::make_unique<Lane>());
        lane.thread = std::thread{[&lane, label = name + "-" + std::to_string(i)] {
            name_this_thread(label);
            lane.context.run();
        }};
    }
}

IoPool::~IoPool() { stop(); }

void IoPool::stop() {
    for (auto& lane : lanes_) lane->context.stop();
    for (auto& lane : lanes_)
        if (lane->thread.joinable()) lane->thread.join();
}

} // namespace millrace::async
