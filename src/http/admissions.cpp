#include "http/admissions.hpp"

#include "base/network.hpp"

#include <algorithm>

namespace millrace::http {

bool Admissions::State::take(const std::string& address, Kind kind, std::size_t most) {
    auto& count = by_address[address].of(kind);
    if (count >= most) return false; // the entry stays: it counts something
    ++count;
    return true;
}

Admissions::Ticket Admissions::connection(const std::string& from, std::size_t share) {
    const auto address = share_of(from);
    auto state = state_.lock();
    const auto places = state->with_key.contains(address) ? limits_.connections : limits_.connections_for_strangers();
    if (state->connections >= places || !state->take(address, Kind::connection, std::max<std::size_t>(share, 1)))
        return {};
    ++state->connections;
    return {this, address, Kind::connection};
}

Admissions::Ticket Admissions::admin() {
    auto state = state_.lock();
    if (state->admins >= limits_.admin_connections) return {};
    ++state->admins;
    return {this, {}, Kind::admin};
}

Admissions::Ticket Admissions::request(const std::string& from) {
    const auto address = share_of(from);
    if (!state_.lock()->take(address, Kind::request, std::max<std::size_t>(limits_.connections_per_address, 1)))
        return {};
    return {this, address, Kind::request};
}

Admissions::Ticket Admissions::upload(const std::string& from) {
    const auto address = share_of(from);
    if (!address.empty() &&
        !state_.lock()->take(address, Kind::upload, std::max<std::size_t>(limits_.uploads_per_address, 1)))
        return {};
    return {this, address, Kind::upload};
}

Admissions::Ticket Admissions::beyond_limit() {
    auto state = state_.lock();
    if (state->told >= told_at_once) return {};
    ++state->told;
    return {this, {}, Kind::told};
}

void Admissions::has_key(const std::string& from) {
    const auto address = share_of(from);
    auto state = state_.lock();
    if (state->with_key.size() >= most_known && !state->with_key.contains(address)) state->with_key.clear();
    state->with_key.insert(address);
}

std::size_t Admissions::open() const { return state_.lock()->open(); }

bool Admissions::wait_until_empty(std::chrono::steady_clock::time_point deadline) {
    auto state = state_.lock();
    return emptied_.wait_until(state.mutex(), deadline, [&] { return state->open() == 0; });
}

void Admissions::leave(const std::string& address, Kind kind) {
    if (kind == Kind::upload && address.empty()) return; // it was not counted
    auto state = state_.lock();
    if (!address.empty()) {
        const auto found = state->by_address.find(address);
        auto& count = found->second;
        --count.of(kind);
        if (count.connections + count.requests + count.uploads == 0) state->by_address.erase(found);
    }
    if (kind == Kind::connection) --state->connections;
    if (kind == Kind::admin) --state->admins;
    if (kind == Kind::told) --state->told;
    if (state->open() == 0) emptied_.notify_all();
}

} // namespace millrace::http
