#include "unit/inference/worker/tiff_files.hpp"

#include "base/encoding.hpp"
#include "inference/worker/image/image.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::inference::worker;
using tiff_files::Form;

namespace {

std::string from_base64_text(const char* text) {
    const auto bytes = from_base64(text);
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

Image tiff_image(std::string_view bytes) { return decode_tiff(bytes); }
Image webp_image(std::string_view bytes) { return decode_webp(bytes); }

template <class Decode>
std::string failure(Decode decode, const std::string& bytes) {
    try {
        decode(bytes);
        return "decoded";
    } catch (const InputError& e) { return e.what(); }
}

double sample_value(std::size_t s, std::size_t x, std::size_t y) {
    return static_cast<double>((s * 37 + x * 5 + y * 11) % 120);
}

template <class T>
void check_bands(Form form) {
    CAPTURE(form.samples);
    CAPTURE(form.compression);
    CAPTURE(form.planar);
    CAPTURE(form.tile);
    CAPTURE(sizeof(T));
    const auto bands = decode_tiff_bands(tiff_files::write<T>(form, sample_value));
    REQUIRE(bands.channels == form.samples);
    REQUIRE(bands.width == static_cast<int>(form.width));
    std::size_t wrong = 0;
    for (std::size_t s = 0; s < form.samples; ++s)
        for (std::size_t y = 0; y < form.height; ++y)
            for (std::size_t x = 0; x < form.width; ++x)
                wrong +=
                    bands.values[s * bands.plane() + y * form.width + x] != static_cast<float>(sample_value(s, x, y));
    CHECK(wrong == 0);
}

} // namespace

TEST_CASE("TIFF bands of every layout and compression keep their values") {
    for (const std::uint16_t compression :
         {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS, COMPRESSION_ZSTD})
        for (const std::uint16_t planar : {PLANARCONFIG_CONTIG, PLANARCONFIG_SEPARATE})
            for (const std::uint32_t tile : {0u, 16u}) {
                Form form{
                    .width = 21, .height = 19, .samples = 5, .planar = planar, .compression = compression, .extras = 4};
                form.tile = tile;
                check_bands<std::uint8_t>(form);
                check_bands<std::uint16_t>(form);
                form.format = SAMPLEFORMAT_IEEEFP;
                check_bands<float>(form);
            }
}

TEST_CASE("TIFF bands of other types, byte orders, predictors and with georeferences are read") {
    Form form{.width = 20, .height = 7, .samples = 2, .extras = 1};
    form.big_endian = form.geo = true;
    check_bands<std::uint16_t>(form);
    check_bands<std::uint32_t>(form);
    form.compression = COMPRESSION_LZW;
    form.predictor = PREDICTOR_HORIZONTAL;
    check_bands<std::uint16_t>(form);
    form.format = SAMPLEFORMAT_INT;
    check_bands<std::int16_t>(form);
    form.format = SAMPLEFORMAT_IEEEFP;
    form.big_endian = false;
    form.predictor = PREDICTOR_FLOATINGPOINT;
    form.compression = COMPRESSION_ADOBE_DEFLATE;
    check_bands<float>(form);
    form.predictor = 1;
    check_bands<double>(form);
}

TEST_CASE("TIFF pictures as Pillow writes them become gray or RGB") {
    const std::vector<std::uint8_t> expected{10,  20,  30,  40,  50,  60,  70,  80,  90,
                                             100, 110, 120, 130, 140, 150, 160, 170, 180};
    for (const auto* text :
         {"SUkqAAgAAAAKAAABBAABAAAAAwAAAAEBBAABAAAAAgAAAAIBAwADAAAAhgAAAAMBAwABAAAAAQAAAAYBAwABAAAAAgAAABEBBAABAAAAjAAA"
          "ABUBAwABAAAAAwAAABYBBAABAAAAAgAAABcBBAABAAAAEgAAABwBAwABAAAAAQAAAAAAAAAIAAgACAAKFB4oMjxGUFpkbniCjJagqrQ=",
          "SUkqACAAAACAAoKB4UDIeEYoFoyG48IJGJZQKpaQEAAKAAABAwABAAAAAwAAAAEBAwABAAAAAgAAAAIBAwADAAAAngAAAAMBAwABAAAABQAA"
          "AAYBAwABAAAAAgAAABEBBAABAAAACAAAABUBAwABAAAAAwAAABYBAwABAAAAAgAAABcBBAABAAAAFwAAABwBAwABAAAAAQAAAAAAAAAIAAgA"
          "CAA=",
          "SUkqABwAAAAIChQeKDI8RlBaCGRueIKMlqCqtAoAAAEDAAEAAAADAAAAAQEDAAEAAAACAAAAAgEDAAMAAACaAAAAAwEDAAEAAAAFgAAABgED"
          "AAEAAAACAAAAEQEEAAEAAAAIAAAAFQEDAAEAAAADAAAAFgEDAAEAAAACAAAAFwEEAAEAAAAUAAAAHAEDAAEAAAABAAAAAAAAAAgACAAIAA="
          "=",
          "SUkqACIAAAB4nOMSkdMwsnELiErJq2jqmbZg1RYALJoGrwoAAAEDAAEAAAADAAAAAQEDAAEAAAACAAAAAgEDAAMAAACgAAAAAwEDAAEAAAAI"
          "AAAABgEDAAEAAAACAAAAEQEEAAEAAAAIAAAAFQEDAAEAAAADAAAAFgEDAAEAAAACAAAAFwEEAAEAAAAaAAAAHAEDAAEAAAABAAAAAAAAAAgA"
          "CAAIAA=="}) {
        const auto image = decode_image(from_base64_text(text));
        CHECK(image.width == 3);
        CHECK(image.channels == 3);
        CHECK(image.pixels == expected);
    }
}

TEST_CASE("a TIFF of 16 bits, turned colours, a palette or transparency becomes 8 bits") {
    const auto at = [](std::initializer_list<int> values) {
        return [list = std::vector<int>(values)](std::size_t s, std::size_t x, std::size_t) {
            return list[x * list.size() / 2 + s];
        };
    };
    const Form gray{.width = 2, .height = 1};
    CHECK(decode_tiff(tiff_files::write<std::uint16_t>(gray, at({0x1234, 0xffff}))).pixels ==
          std::vector<std::uint8_t>{0x12, 255});
    auto white = gray;
    white.photometric = PHOTOMETRIC_MINISWHITE;
    CHECK(decode_tiff(tiff_files::write<std::uint8_t>(white, at({0, 200}))).pixels ==
          std::vector<std::uint8_t>{255, 55});
    Form transparent{.width = 2, .height = 1, .samples = 4, .photometric = PHOTOMETRIC_RGB, .extras = 1};
    CHECK(decode_tiff(tiff_files::write<std::uint8_t>(transparent, at({1, 2, 3, 0, 4, 5, 6, 255}))).pixels ==
          std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6});
    std::string colors; // red, green and blue of each of 256 places: place 1 is (255, 128, 0)
    for (const unsigned value : {0xffffu, 0x8000u, 0u})
        for (unsigned i = 0; i < 256; ++i) {
            const auto v = static_cast<std::uint16_t>(i == 1 ? value : 0);
            colors.append(reinterpret_cast<const char*>(&v), 2);
        }
    const std::uint32_t data = 8 + 2 + 9 * 12 + 4;
    const auto palette = tiff_files::assemble({{256, 3, 1, 2},
                                               {257, 3, 1, 1},
                                               {258, 3, 1, 8},
                                               {259, 3, 1, 1},
                                               {262, 3, 1, 3},
                                               {273, 4, 1, data + 1536},
                                               {278, 3, 1, 1},
                                               {279, 4, 1, 2},
                                               {320, 3, 768, data}},
                                              colors + std::string{"\x01\x00", 2});
    CHECK(decode_tiff(palette).pixels == std::vector<std::uint8_t>{255, 128, 0, 0, 0, 0});
}

TEST_CASE("the alpha of a TIFF is kept where it is one, and colours multiplied with it are divided again") {
    const auto of_kind = [](std::uint32_t kind) {
        const std::string bits{"\x08\0\x08\0\x08\0\x08\0", 8}, pixels{"\x0a\x14\x1e\x80\0\0\0\0", 8};
        return tiff_files::assemble({{256, 3, 1, 2},
                                     {257, 3, 1, 1},
                                     {258, 3, 4, 134},
                                     {259, 3, 1, 1},
                                     {262, 3, 1, 2},
                                     {273, 4, 1, 142},
                                     {277, 3, 1, 4},
                                     {278, 3, 1, 1},
                                     {279, 4, 1, 8},
                                     {338, 3, 1, kind}},
                                    bits + pixels);
    };
    using Bytes = std::vector<std::uint8_t>;
    CHECK(decode_tiff(of_kind(EXTRASAMPLE_UNASSALPHA)).pixels == Bytes{10, 20, 30, 0, 0, 0});
    CHECK(decode_tiff(of_kind(EXTRASAMPLE_UNASSALPHA), Alpha::keep).pixels == Bytes{10, 20, 30, 128, 0, 0, 0, 0});
    CHECK(decode_tiff(of_kind(EXTRASAMPLE_ASSOCALPHA)).pixels == Bytes{19, 39, 59, 0, 0, 0});
    CHECK(decode_tiff(of_kind(EXTRASAMPLE_ASSOCALPHA), Alpha::keep).pixels == Bytes{19, 39, 59, 128, 0, 0, 0, 0});
    CHECK(decode_tiff(of_kind(EXTRASAMPLE_UNSPECIFIED), Alpha::keep).pixels == Bytes{10, 20, 30, 0, 0, 0});
    CHECK(decode_tiff_bands(of_kind(EXTRASAMPLE_ASSOCALPHA)).values == std::vector<float>{10, 0, 20, 0, 30, 0, 128, 0});
}

TEST_CASE("a TIFF that a gray or RGB model cannot mean is refused with the reason") {
    Form form{.width = 4, .height = 4, .samples = 5, .extras = 4};
    CHECK(failure(tiff_image, tiff_files::write<std::uint8_t>(form, sample_value)).find("bands") != std::string::npos);
    Form real{.width = 4, .height = 4, .format = SAMPLEFORMAT_IEEEFP};
    CHECK(failure(tiff_image, tiff_files::write<float>(real, sample_value)).find("bands") != std::string::npos);
}

TEST_CASE("a hostile TIFF is refused, by its header where that tells") {
    using Entries = std::vector<tiff_files::Entry>;
    const Entries good{{256, 4, 1, 4},   {257, 4, 1, 4}, {258, 3, 1, 8}, {259, 3, 1, 1}, {262, 3, 1, 1},
                       {273, 4, 1, 150}, {277, 3, 1, 1}, {278, 4, 1, 4}, {279, 4, 1, 16}};
    const auto with = [&](std::uint16_t tag, std::uint32_t value, std::uint32_t count = 1) {
        auto entries = good;
        for (auto& e : entries)
            if (e.tag == tag) {
                e.value = value;
                e.count = count;
            }
        return tiff_files::assemble(entries, std::string(64, 'x'));
    };
    CHECK(failure(tiff_image, with(0, 0)) == "decoded");
    const std::string cases[] = {
        "II*\0",
        std::string{"II*\0\xff\xff\xff\xff", 8},
        std::string{"MM\0*\0\0\0\x08", 8},
        with(256, 0),
        with(256, 8193),
        with(257, 0xffffffff),
        with(256, 0xffffffff),
        with(258, 7),
        with(258, 0),
        with(259, 7),
        with(259, 6),
        with(259, 34661),
        with(259, 5),
        with(259, 8),
        with(259, 32773),
        with(262, 6),
        with(262, 9999),
        with(273, 0xfffffff0),
        with(273, 150, 0xffffffff),
        with(277, 0),
        with(277, 65535),
        with(278, 0xffffffff),
        tiff_files::assemble({}, ""),
        tiff_files::assemble({{256, 4, 1, 4}}, ""),
        tiff_files::assemble(good, ""),
        tiff_files::assemble({{256, 4, 1, 64},
                              {257, 4, 1, 64},
                              {258, 3, 1, 8},
                              {259, 3, 1, 1},
                              {262, 3, 1, 1},
                              {277, 3, 1, 1},
                              {322, 4, 1, 0x7fffffff},
                              {323, 4, 1, 16},
                              {324, 4, 1, 8},
                              {325, 4, 1, 16}},
                             "x"),
        tiff_files::assemble({{256, 4, 1, 64},
                              {257, 4, 1, 64},
                              {258, 3, 1, 8},
                              {259, 3, 1, 1},
                              {262, 3, 1, 1},
                              {277, 3, 1, 1},
                              {322, 4, 1, 1},
                              {323, 4, 1, 1},
                              {324, 4, 1, 8},
                              {325, 4, 1, 16}},
                             "x"),
    };
    std::size_t index = 0;
    for (const auto& bytes : cases) {
        CAPTURE(index);
        ++index;
        const auto gray = failure(tiff_image, bytes), bands = failure(decode_tiff_bands, bytes);
        if (gray == "decoded") CHECK(bytes == with(278, 0xffffffff)); // "one strip" is what that means
        else CHECK(!bands.empty());
    }
    // A wrong count of bytes in the only strip, not compressed: the picture tells it.
    for (const std::uint32_t count : {0u, 15u, 0xffffffffu}) CHECK(failure(tiff_image, with(279, count)) == "decoded");
    for (const std::uint32_t method : {6u, 34661u, 34676u, 34887u, 34925u, 50001u, 9999u})
        CHECK(failure(tiff_image, with(259, method)).find("LZW") != std::string::npos);
    // Directories that lead to each other: the first counts.
    CHECK(failure(tiff_image, tiff_files::assemble(good, std::string(64, 'x'), 8)) == "decoded");
}

TEST_CASE("every truncation of a TIFF ends as a value") {
    const Form form{
        .width = 20, .height = 20, .samples = 3, .photometric = PHOTOMETRIC_RGB, .compression = COMPRESSION_LZW};
    const auto good = tiff_files::write<std::uint8_t>(form, sample_value);
    CHECK(failure(tiff_image, good) == "decoded");
    std::size_t decoded = 0;
    for (std::size_t n = 0; n < good.size(); ++n) decoded += failure(tiff_image, good.substr(0, n)) == "decoded";
    CHECK(decoded < 8); // padding at the very end may be missing
}

TEST_CASE("WebP without loss and with becomes RGB, and an animation its first picture") {
    const auto lossless =
        decode_webp(from_base64_text("UklGRjAAAABXRUJQVlA4TCMAAAAvAkAAAC8gFkwkdufvmcQVPOox/8kaato2YEOdfzk1ov8xvQA="));
    CHECK(lossless.width == 3);
    CHECK(lossless.pixels ==
          std::vector<std::uint8_t>{10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180});
    CHECK(decode_image(from_base64_text("UklGRigAAABXRUJQVlA4TBsAAAAvAQAAEA9wAbE9Jsi2DW070B/4H+yHCkT0PwAA")).pixels ==
          std::vector<std::uint8_t>{1, 2, 3, 200, 100, 50}); // transparency is dropped
    const auto lossy =
        from_base64_text("UklGRm4AAABXRUJQVlA4IGIAAADwAwCdASogABAALk02m02hJCQkBABMS2AE6ZQjubyWmAAm4PbcwDZAAP7+"
                         "v3UY2JdS5wOK1OSwdW9HMWvxnCtscFQ6ziYvFd+r6JdeNHAgwA+2HITNAERi6HbrzZ/6uYAAAA==");
    const auto image = decode_webp(lossy);
    const std::array<std::uint8_t, 12> pillow{1, 79, 21, 8, 81, 24, 16, 81, 30, 23, 80, 36};
    for (std::size_t i = 0; i < pillow.size(); ++i) CHECK(image.row(5)[i] == pillow[i]);
    const auto animation = from_base64_text(
        "UklGRiwBAABXRUJQVlA4WAoAAAACAAAAHwAADwAAQU5JTQYAAAAAAAAAAABBTk1GfgAAAAAAAAAAAB8AAA8AAAAAAAJWUDggZgAAAFACAJ0BKi"
        "AAEAABQCYlsAADYv4bLwR7uTDeAAD+/r9038WVMdGQKnhmj1zq/pc/DB7rNX8XvVjTp/89NBfHGDR//q/bYl1R7u6vcaBktrlwfJn/"
        "J9wGZgdjrrN/9VaIH7798AAAAEFOTUZ6AAAAAAAAAAAAHwAADwAAAAAAAFZQOCBiAAAANAIAnQEqIAAQAAAAJiWwAANfHra8AkcpPgAA/"
        "tvmkbSOX9w7/QNnawryzGVVY//cmT9/Aqas85KH//22s2u/+eCSxxpszOzasxmo04Hfx7d8ydSyd3sw//GxpWy/fWAAAAA=");
    CHECK(decode_webp(animation).width == 32);
    auto wide = animation;
    wide[24] = wide[27] = '\xff'; // a canvas of 8192 by 8192
    wide[25] = wide[28] = '\x1f';
    CHECK(failure(webp_image, wide).find("16 million") != std::string::npos);
    for (std::size_t n = 0; n < animation.size(); ++n) (void)failure(webp_image, animation.substr(0, n));
    for (std::size_t n = 0; n + 8 < lossy.size(); ++n) (void)failure(webp_image, lossy.substr(0, n));
    CHECK(failure(webp_image, lossy.substr(0, 60)) != "decoded");
    auto huge = lossy;
    huge[26] = huge[28] = '\xff'; // 16383 by 16383, as the header of its only frame says
    huge[27] = huge[29] = '\x3f';
    CHECK(failure(webp_image, huge).find("8192") != std::string::npos);
}
