// Pictures for the bare loop: the files of a folder, decoded with libjpeg and normalised straight into a batch, as lean
// as such a loop can be written.
#pragma once
#include <cstdio>

#include <jpeglib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace bench {

class Pictures {
public:
    Pictures(const std::filesystem::path& folder, int height, int width) : height_{height}, width_{width} {
        std::vector<std::filesystem::path> names;
        for (const auto& entry : std::filesystem::directory_iterator{folder}) names.push_back(entry.path());
        std::sort(names.begin(), names.end());
        for (const auto& name : names) {
            std::ifstream in{name, std::ios::binary};
            files_.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
        }
        if (files_.empty()) throw std::runtime_error{"no pictures in " + folder.string()};
        constexpr float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t v = 0; v < 256; ++v) table_[c][v] = (static_cast<float>(v) / 255 - mean[c]) / deviation[c];
    }

    // Picture number `index`, beginning anew after the last, as three planes at `out`. Any thread.
    void decode(std::size_t index, float* out) const {
        const auto& file = files_[index % files_.size()];
        jpeg_decompress_struct jpeg{};
        jpeg_error_mgr errors{};
        jpeg.err = jpeg_std_error(&errors); // ends the program on damage
        jpeg_create_decompress(&jpeg);
        jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(file.data()), file.size());
        jpeg_read_header(&jpeg, TRUE);
        jpeg.out_color_space = JCS_RGB;
        jpeg_start_decompress(&jpeg);
        if (static_cast<int>(jpeg.output_width) != width_ || static_cast<int>(jpeg.output_height) != height_)
            throw std::runtime_error{"a picture is not of the model's size"};
        const auto width = static_cast<std::size_t>(width_), plane = width * static_cast<std::size_t>(height_);
        std::vector<JSAMPLE> line(width * 3);
        for (; jpeg.output_scanline < jpeg.output_height; out += width) {
            JSAMPROW row = line.data();
            jpeg_read_scanlines(&jpeg, &row, 1);
            for (std::size_t c = 0; c < 3; ++c)
                for (std::size_t x = 0; x < width; ++x) out[c * plane + x] = table_[c][line[x * 3 + c]];
        }
        jpeg_finish_decompress(&jpeg);
        jpeg_destroy_decompress(&jpeg);
    }

    std::size_t values() const { return 3 * static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_); }

private:
    int height_, width_;
    std::vector<std::string> files_;
    std::array<std::array<float, 256>, 3> table_{};
};

// Threads that decode a batch together; start() returns at once, wait() when the batch is whole.
class Decoders {
public:
    Decoders(const Pictures& pictures, int threads) : pictures_{pictures} {
        for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
    }
    ~Decoders() {
        {
            std::lock_guard lock{mutex_};
            stopping_ = true;
        }
        changed_.notify_all();
        for (auto& thread : threads_) thread.join();
    }

    void start(float* out, std::size_t count) {
        {
            std::lock_guard lock{mutex_};
            out_ = out;
            first_ += count_;
            count_ = count;
            next_ = 0;
            busy_ = threads_.size();
            ++round_;
        }
        changed_.notify_all();
    }

    void wait() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [&] { return busy_ == 0; });
    }

private:
    void work() {
        for (std::size_t seen = 0;;) {
            {
                std::unique_lock lock{mutex_};
                changed_.wait(lock, [&] { return stopping_ || round_ != seen; });
                if (stopping_) return;
                seen = round_;
            }
            for (std::size_t i; (i = next_.fetch_add(1)) < count_;)
                pictures_.decode(first_ + i, out_ + i * pictures_.values());
            std::lock_guard lock{mutex_};
            if (--busy_ == 0) changed_.notify_all();
        }
    }

    const Pictures& pictures_;
    std::mutex mutex_;
    std::condition_variable changed_;
    float* out_ = nullptr;
    std::size_t first_ = 0, count_ = 0, busy_ = 0, round_ = 0;
    std::atomic<std::size_t> next_{0};
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace bench
