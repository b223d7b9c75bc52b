// Talks to systemd by its notification protocol (sd_notify(3)): a datagram to the socket in NOTIFY_SOCKET. Does
// nothing where there is none.
#pragma once
#include <chrono>
#include <optional>
#include <string_view>

namespace millrace::app {

// "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1", "STATUS=…"
void notify_service_manager(std::string_view state);

// How often WATCHDOG=1 is due: half of WATCHDOG_USEC; nullopt when the unit asks for none of this process.
std::optional<std::chrono::microseconds> watchdog_interval();

} // namespace millrace::app
