// Bodies of requests: texts and files in sequence, so that a large file is never in memory.
#pragma once
#include "base/descriptor.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace millrace::cli {

class Body {
public:
    void add_text(std::string text);
    // Opens the file at once; "-" is standard input. Throws Failure when it cannot be read.
    void add_file(const std::filesystem::path& path);

    std::uint64_t size() const { return size_; }
    // Hands the bytes to `take` in order, once. Throws Failure when a file got shorter than it was. `take` returns
    // false to stop.
    void pump(const std::function<bool(std::span<const char>)>& take);

private:
    struct Piece {
        std::string text;
        Descriptor file;
        std::string name;
        std::uint64_t size = 0;
    };
    bool pump_file(const Piece& piece, const std::function<bool(std::span<const char>)>& take);

    std::vector<Piece> pieces_;
    std::uint64_t size_ = 0;
};

// multipart/form-data (RFC 7578).
class Form {
public:
    Form();
    void text(const std::string& name, const std::string& content_type, std::string value);
    void file(const std::string& name, const std::filesystem::path& path, const std::string& content_type);
    std::string content_type() const;
    Body finish(); // once

private:
    void part(const std::string& name, const std::string& file_name, const std::string& content_type);

    std::string boundary_;
    Body body_;
};

// By the first bytes and then the name: image/png, image/jpeg, application/json, application/octet-stream.
std::string media_type(const std::filesystem::path& path);

} // namespace millrace::cli
