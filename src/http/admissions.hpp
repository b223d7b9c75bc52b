// How many connections, requests and uploads are open, in all and for each address. Thread-safe; asked when a
// connection or an upload begins and ends, and for each request of a trusted proxy; never for a plain request.
//
// Nobody may take the places of all others: an address (an IPv6 one with all of its /64) has its share of the
// connections, the unix socket has places of its own, and the last ones over TCP are for addresses from which a key was
// shown.
#pragma once
#include "async/guarded.hpp"
#include "http/limits.hpp"

#include <chrono>
#include <condition_variable>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace millrace::http {

class Admissions {
public:
    explicit Admissions(const Limits& limits) : limits_{limits} {}

    enum class Kind { connection, admin, told, request, upload };

    // Counts something until it is destroyed. The Admissions must outlive it.
    class Ticket {
    public:
        Ticket() = default; // admitted to nothing
        Ticket(Ticket&& o) noexcept
            : owner_{std::exchange(o.owner_, nullptr)},
              address_{std::move(o.address_)},
              kind_{o.kind_} {}
        Ticket& operator=(Ticket&& o) noexcept {
            std::swap(owner_, o.owner_);
            std::swap(address_, o.address_);
            std::swap(kind_, o.kind_);
            return *this;
        }
        ~Ticket() {
            if (owner_) owner_->leave(address_, kind_);
        }
        explicit operator bool() const { return owner_ != nullptr; }

    private:
        friend class Admissions;
        Ticket(Admissions* owner, std::string address, Kind kind)
            : owner_{owner},
              address_{std::move(address)},
              kind_{kind} {}
        Admissions* owner_ = nullptr;
        std::string address_;
        Kind kind_ = Kind::connection;
    };

    // False tickets when a limit is reached. `share`: how many of its kind the address may have.
    Ticket connection(const std::string& address, std::size_t share);
    Ticket admin();
    Ticket request(const std::string& address); // of a client behind a trusted proxy
    Ticket upload(const std::string& address);  // an empty address is not counted
    // Above the limit, a few more get in to be told so; the others are closed without a word.
    Ticket beyond_limit();

    void has_key(const std::string& address); // one was shown from there

    std::size_t open() const; // connections
    bool wait_until_empty(std::chrono::steady_clock::time_point deadline);

private:
    void leave(const std::string& address, Kind kind);

    static constexpr std::size_t told_at_once = 64;
    static constexpr std::size_t most_known = 10'000; // then they are learned anew
    struct Count {
        std::size_t connections = 0, requests = 0, uploads = 0;
        std::size_t& of(Kind kind) {
            return kind == Kind::upload ? uploads : kind == Kind::request ? requests : connections;
        }
    };
    struct State {
        std::size_t connections = 0, admins = 0, told = 0;
        std::unordered_map<std::string, Count> by_address;
        std::unordered_set<std::string> with_key;
        std::size_t open() const { return connections + admins + told; }
        bool take(const std::string& address, Kind kind, std::size_t most);
    };
    const Limits& limits_;
    mutable async::Guarded<State> state_;
    std::condition_variable_any emptied_;
};

} // namespace millrace::http
