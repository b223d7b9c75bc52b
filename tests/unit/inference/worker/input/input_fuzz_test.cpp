// Valid files with bytes changed at random: whatever comes of it, it comes as a value. The same seeds each time.
#include "base/encoding.hpp"
#include "inference/worker/image/image.hpp"
#include "inference/worker/tensor/tensor_value.hpp"
#include "unit/inference/worker/tiff_files.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace millrace;
using namespace millrace::inference::worker;

namespace {

template <class Decode>
void change_at_random(const std::string& good, int times, Decode decode) {
    std::mt19937 random{20'260'101};
    int taken = 0;
    for (int i = 0; i < times; ++i) {
        auto bad = good;
        for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
            auto& byte = bad[random() % bad.size()];
            switch (random() % 4) {
            case 0: byte = static_cast<char>(random()); break;
            case 1: byte = '\xff'; break;
            case 2: byte = '\0'; break;
            default: byte = static_cast<char>(byte ^ (1 << random() % 8)); break;
            }
        }
        if (random() % 8 == 0) bad.resize(random() % bad.size());
        try {
            decode(bad);
            ++taken;
        } catch (const InputError&) {}
    }
    CHECK(taken < times);
}

std::string unbase64(const char* text) {
    const auto bytes = from_base64(text);
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

std::string small_tiff(std::uint16_t compression, std::uint16_t planar, std::uint32_t tile) {
    tiff_files::Form form{.width = 18,
                          .height = 17,
                          .samples = 3,
                          .planar = planar,
                          .photometric = PHOTOMETRIC_RGB,
                          .compression = compression};
    form.tile = tile;
    if (compression == COMPRESSION_JPEG) form.rows_a_strip = 8; // a multiple, as its blocks are
    form.geo = true;
    return tiff_files::write<std::uint8_t>(form, [](auto s, auto x, auto y) { return s * 50 + x * y; });
}

} // namespace

TEST_CASE("changed TIFF files never crash the decoder") {
    for (const std::uint16_t compression :
         {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS, COMPRESSION_JPEG}) {
        change_at_random(small_tiff(compression, PLANARCONFIG_CONTIG, 0), 250,
                         [](const std::string& bytes) { (void)decode_tiff(bytes, Alpha::keep); });
        change_at_random(small_tiff(compression, PLANARCONFIG_SEPARATE, 16), 250, decode_tiff_bands);
    }
}

TEST_CASE("changed WebP files never crash the decoder") {
    change_at_random(unbase64("UklGRjAAAABXRUJQVlA4TCMAAAAvAkAAAC8gFkwkdufvmcQVPOox/8kaato2YEOdfzk1ov8xvQA="), 1000,
                     [](const std::string& bytes) { (void)decode_webp(bytes, Alpha::keep); });
    change_at_random(unbase64("UklGRm4AAABXRUJQVlA4IGIAAADwAwCdASogABAALk02m02hJCQkBABMS2AE6ZQjubyWmAAm4PbcwDZAAP7+"
                              "v3UY2JdS5wOK1OSwdW9HMWvxnCtscFQ6ziYvFd+r6JdeNHAgwA+2HITNAERi6HbrzZ/6uYAAAA=="),
                     1000, [](const std::string& bytes) { (void)decode_webp(bytes, Alpha::keep); });
}

TEST_CASE("changed npz files never crash the reader") {
    const values::TensorSpec spec{"x", values::Datatype::fp32, {2}};
    change_at_random(unbase64("UEsDBBQAAAAIAAAAIQCayqvnTAAAAIgAAAAFABQAYS5ucHkBABAAiAAAAAAAAABMAAAAAAAAAJvsF+"
                              "obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6mjoKtQoUAC4Ghg"
                              "Z7BgYGBwBQSwMEFAAAAAgAAAAhABBFT7lMAAAAkAAAAAUAFABiLm5weQEAEACQAAAAAAAAAEwAAAAAAAAAm+"
                              "wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+"
                              "UkgoSd0vMKU4FihdnJBakAvkaRjoKhpo6CrUKZAMuZgYIYIHSAFBLAQIUAxQAAAAIAAAAIQCayqvnTAAAAIgAAAA"
                              "FAAAAAAAAAAAAAACAAQAAAABhLm5weVBLAQIUAxQAAAAIAAAAIQAQRU+"
                              "5TAAAAJAAAAAFAAAAAAAAAAAAAACAAYMAAABiLm5weVBLBQYAAAAAAgACAGYAAAAGAQAAAAA="),
                     2000, [&](const std::string& bytes) {
                         for (const auto& [name, array] : unpack_npz(bytes)) (void)parse_npy(array, spec);
                     });
}
