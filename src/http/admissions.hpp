// How many connections and uploads are open, in all and for each address. Thread-safe; asked when a connection or
// an upload begins and ends, never for a plain request.
#pragma once
#include "async/guarded.hpp"
#include "http/limits.hpp"

#include <chrono>
#include <condition_variable>
#include <string>
#include <unordered_map>
#include <utility>

namespace millrace::http {

class Admissions {
public:
    explicit Admissions(const Limits& limits) : limits_{limits} {}

    // Counts a connection or an upload until it is destroyed. The Admissions must outlive it.
    class Ticket {
    public:
        Ticket() = default; // admitted to nothing
        Ticket(Ticket&& o) noexcept : owner_{std::exchange(o.owner_, nullptr)}, address_{std::move(o.address_)}, upload_{o.upload_} {}
        Ticket& operator=(Ticket&& o) noexcept {
            std::swap(owner_, o.owner_);
            std::swap(address_, o.address_);
            std::swap(upload_, o.upload_);
            return *this;
        }
        ~Ticket() {
            if (owner_) owner_->leave(address_, upload_);
        }
        explicit operator bool() const { return owner_ != nullptr; }

    private:
        friend class Admissions;
        Ticket(Admissions* owner, std::string address, bool upload) : owner_{owner}, address_{std::move(address)}, upload_{upload} {}
        Admissions* owner_ = nullptr;
        std::string address_;
        bool upload_ = false;
    };

    // An empty address is counted in the total only. False tickets when a limit is reached.
    Ticket connection(const std::string& address);
    Ticket upload(const std::string& address);
    // Above the limit, a few more get in to be told so; the others are closed without a word.
    Ticket beyond_limit();

    std::size_t open() const;
    bool wait_until_empty(std::chrono::steady_clock::time_point deadline);

private:
    void leave(const std::string& address, bool upload);

    static constexpr std::size_t told_at_once = 64;
    struct Count {
        std::size_t connections = 0, uploads = 0;
    };
    struct State {
        std::size_t open = 0;
        std::unordered_map<std::string, Count> by_address;
    };
    const Limits& limits_;
    mutable async::Guarded<State> state_;
    std::condition_variable_any emptied_;
};

} // namespace millrace::http
