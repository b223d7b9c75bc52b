#include "api/live/live_status.hpp"

#include "api/live/change_text.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace millrace::api {
namespace {

constexpr std::chrono::seconds every{1};

} // namespace

void LiveStatus::start(asio::io_context& context) {
    context_ = &context;
    repeating_.start(context, every, [this] { look(); });
}

void LiveStatus::look() {
    if (!logs_.any()) return;
    logs_.tidy(clock_.monotonic());
    const auto asks = [](const auto& each) { return each.second->wants(events::service_status); };
    if (sending_ || !std::ranges::any_of(logs_.all(), asks)) return;
    sending_ = true;
    asio::co_spawn(*context_, send(), [this](const std::exception_ptr& failure) {
        sending_ = false;
        if (!failure) return;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& e) { log_.error("no status for event streams", {{"error", e.what()}}); }
    });
}

awaitable<void> LiveStatus::send() {
    const auto snapshot = co_await status_.snapshot();
    for (const auto& [organization, log] : logs_.all()) {
        if (!log->wants(events::service_status)) continue;
        std::vector<events::LiveEntry> entries;
        entries.push_back(status_entry(status_.of(organization, snapshot)));
        log->append(std::move(entries));
    }
}

} // namespace millrace::api
