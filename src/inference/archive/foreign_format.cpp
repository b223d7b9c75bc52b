#include "inference/archive/foreign_format.hpp"

namespace millrace::inference {

std::optional<std::string_view> foreign_format(std::span<const std::byte> bytes) {
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    const auto at = [&](std::size_t place, std::string_view mark) {
        return text.size() >= place && text.substr(place).starts_with(mark);
    };
    if (at(0, "PK\x03\x04")) return std::nullopt;
    if (at(0, "\x80\x02") || at(0, "\x80\x03") || at(0, "\x80\x04") || at(0, "\x80\x05"))
        return "a pickle (torch.save in its old form?), which has no code that can be served; load it in Python, "
               "torch.jit.script or torch.jit.trace the "
               "module, and save that with torch.jit.save";
    if (at(8, "{\""))
        return "a safetensors file, which has weights but no model; load them into the module in Python, "
               "torch.jit.script or torch.jit.trace it, and "
               "save that with torch.jit.save";
    if (at(4, "PTMF"))
        return "a model of torch's mobile interpreter (flatbuffer), which this runtime does not read; save the "
               "scripted module with torch.jit.save";
    if (at(4, "TFL3"))
        return "a TensorFlow Lite model; only TorchScript files (torch.jit.save) and AOTInductor packages can be "
               "served";
    if (at(0, "GGUF") || at(0, "ggml"))
        return "a GGUF or GGML file; only TorchScript files (torch.jit.save) and AOTInductor packages can be served";
    if (at(0, "\x89HDF"))
        return "an HDF5 file (Keras?); only TorchScript files (torch.jit.save) and AOTInductor packages can be served";
    if (at(0, "PYTORCH1")) return "an archive of a preview of PyTorch 1.0; save the model again with torch.jit.save";
    if (at(0, "\x7f"
              "ELF"))
        return "a compiled library by itself; make a package of the exported program with "
               "torch._inductor.aoti_compile_and_package";
    if (at(0, "\x1f\x8b") || at(0, "\x28\xb5\x2f\xfd") || at(0, "BZh") ||
        at(0, "\xfd"
              "7zXZ"))
        return "a compressed file; unpack it and push what is in it";
    // ir_version, then the producer's name or the graph: the first fields of ModelProto (onnx.proto).
    if (text.size() > 3 && text[0] == 0x08 && text[1] > 0 && text[1] < 64 && (text[2] == 0x12 || text[2] == 0x3a))
        return "an ONNX model; only TorchScript files (torch.jit.save) and AOTInductor packages can be served: export "
               "the PyTorch model that it came "
               "from";
    return std::nullopt;
}

} // namespace millrace::inference
