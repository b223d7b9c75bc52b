// Bytes that came and were not used yet. While a request is handled its header stays where it is, because the
// Request views it; what follows is read behind it.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace millrace::http {

class InputBuffer {
public:
    std::string_view unread() const { return {data_.get() + begin_, end_ - begin_}; }
    void consume(std::size_t n) { begin_ += n; }

    // Where the next bytes may be read to. reserve() first; it moves everything when it must grow, so not while a
    // header is pinned.
    std::span<char> space() {
        if (begin_ == end_) begin_ = end_ = floor_;
        return {data_.get() + end_, capacity_ - end_};
    }
    void filled(std::size_t n) { end_ += n; }

    void reserve(std::size_t wanted) {
        if (capacity_ - end_ >= wanted) return;
        const auto capacity = std::max({2 * capacity_, end_ + wanted, smallest});
        auto grown = std::make_unique_for_overwrite<char[]>(capacity);
        if (end_ > 0) std::memcpy(grown.get(), data_.get(), end_);
        data_ = std::move(grown);
        capacity_ = capacity;
    }

    // Nothing before `unread()`, which begins now, is overwritten until unpin().
    void pin() { floor_ = begin_; }
    // Moves what is unread to the front.
    void unpin() {
        floor_ = 0;
        if (begin_ == 0) return;
        std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }

private:
    static constexpr std::size_t smallest = 4096;
    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0, begin_ = 0, end_ = 0, floor_ = 0;
};

} // namespace millrace::http
