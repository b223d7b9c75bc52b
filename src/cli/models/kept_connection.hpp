// One connection to the daemon's socket, kept from call to call, with as little around it as can be: for measuring,
// where the client's own time would count. Blocks; one thread.
#pragma once
#include "base/descriptor.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::cli {

class KeptConnection {
public:
    // Throws Failure when nothing listens there; so does a call that has to connect again. `timeout`: seconds without a
    // byte.
    KeptConnection(std::filesystem::path socket, double timeout);

    struct Answer {
        unsigned status = 0;   // 0: the connection broke, or nothing came in time
        std::string_view json; // of the body; without the binary tensors behind it. Valid until the next call
    };
    Answer call(const std::string& request);

private:
    void open();
    bool send(std::string_view bytes);
    bool receive(std::size_t size);
    Answer exchange(const std::string& request);

    std::filesystem::path path_;
    double timeout_;
    Descriptor socket_;
    std::string received_;
};

// A whole request of HTTP/1.1.
std::string post_request(const std::string& target, const std::vector<std::pair<std::string, std::string>>& headers,
                         const std::string& body);

} // namespace millrace::cli
