// Lets libtorch read an archive from the caller's memory; nothing is copied.
#pragma once
#include <caffe2/serialize/read_adapter_interface.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace millrace::torch_module {

class MemoryReader final : public caffe2::serialize::ReadAdapterInterface {
public:
    MemoryReader(const void* bytes, std::uint64_t size) : bytes_{static_cast<const char*>(bytes)}, size_{size} {}
    size_t size() const override { return size_; }
    size_t read(uint64_t position, void* buffer, size_t count, const char*) const override {
        if (position >= size_) return 0;
        const auto n = std::min<std::uint64_t>(count, size_ - position);
        std::memcpy(buffer, bytes_ + position, n);
        return n;
    }

private:
    const char* bytes_;
    std::uint64_t size_;
};

} // namespace millrace::torch_module
