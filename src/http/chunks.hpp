// The chunked coding (RFC 9112, section 7.1), read strictly: CRLF only, plain hexadecimal sizes, short
// extensions, a bounded trailer section that is dropped. Pure: fed with what came, it says which bytes are data.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace::http {

class ChunkDecoder {
public:
    // Consumes framing from the front of `bytes` until data begins, the body ends, it fails or `bytes` is used up.
    // Returns how many bytes it took. Nothing is taken while data is due.
    std::size_t skip_framing(std::string_view bytes);

    std::uint64_t data_due() const { return state_ == State::data ? left_ : 0; } // data bytes that come next
    void take_data(std::uint64_t n);                                             // n ≤ data_due()
    bool done() const { return state_ == State::done; }
    bool failed() const { return state_ == State::failed; }

private:
    enum class State {
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer_start,
        trailer,
        trailer_lf,
        end_lf,
        done,
        failed
    };
    static constexpr std::size_t max_line = 256, max_trailer = 4096;

    State step(char c);
    State step_size(char c);
    State step_trailer(char c);

    State state_ = State::size;
    std::uint64_t left_ = 0;
    std::size_t digits_ = 0, line_ = 0, trailer_ = 0;
};

} // namespace millrace::http
