#include "http/admissions.hpp"

namespace millrace::http {

Admissions::Ticket Admissions::connection(const std::string& address) {
    auto state = state_.lock();
    if (state->open >= limits_.connections) return {};
    if (!address.empty()) {
        auto& count = state->by_address[address];
        if (count.connections >= limits_.connections_per_address) return {};
        ++count.connections;
    }
    ++state->open;
    return {this, address, false};
}

Admissions::Ticket Admissions::upload(const std::string& address) {
    if (address.empty()) return {this, address, true};
    auto state = state_.lock();
    auto& count = state->by_address[address];
    if (count.uploads >= limits_.uploads_per_address) return {};
    ++count.uploads;
    return {this, address, true};
}

Admissions::Ticket Admissions::beyond_limit() {
    auto state = state_.lock();
    if (state->open >= limits_.connections + told_at_once) return {};
    ++state->open;
    return {this, "", false};
}

std::size_t Admissions::open() const { return state_.lock()->open; }

bool Admissions::wait_until_empty(std::chrono::steady_clock::time_point deadline) {
    auto state = state_.lock();
    return emptied_.wait_until(state.mutex(), deadline, [&] { return state->open == 0; });
}

void Admissions::leave(const std::string& address, bool upload) {
    if (upload && address.empty()) return; // it was not counted
    auto state = state_.lock();
    if (!address.empty()) {
        const auto found = state->by_address.find(address);
        --(upload ? found->second.uploads : found->second.connections);
        if (found->second.connections == 0 && found->second.uploads == 0) state->by_address.erase(found);
    }
    if (!upload && --state->open == 0) emptied_.notify_all();
}

} // namespace millrace::http
