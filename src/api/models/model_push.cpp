#include "api/models/model_push.hpp"

#include "base/encoding.hpp"
#include "http/multipart.hpp"
#include "values/model_signature.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

using http::MultipartReader;

constexpr std::size_t digest_size = 64; // in hex

awaitable<Result<void>> read_text(MultipartReader& form, std::optional<std::string>& into, std::size_t most) {
    auto text = co_await form.text(most);
    if (!text) co_return text.error();
    into = std::move(*text);
    co_return success();
}

awaitable<Result<void>> read_file(MultipartReader& form, blobs::BlobUpload& into) {
    for (;;) {
        auto piece = co_await form.read();
        if (!piece) co_return piece.error();
        if (piece->empty()) co_return success();
        auto written = co_await into.write(*piece);
        if (!written) co_return written.error();
    }
}

awaitable<Result<void>> read_side_file(MultipartReader& form, std::string name,
                                       std::vector<models::Attached::File>& files, models::Registry& registry) {
    if (!values::is_file_name(name))
        co_return Error{
            Code::unprocessable,
            fmt::format(
                "a part \"file\" needs a file name of 1 to 64 of A-Z a-z 0-9 - _ . that neither the model nor the "
                "manifest has; it is \"{:.80}\"",
                name)};
    if (files.size() == values::max_files)
        co_return Error{Code::unprocessable, fmt::format("a version has at most {} files", values::max_files)};
    files.push_back({name, registry.begin_file_upload()});
    auto read = co_await read_file(form, files.back().upload);
    if (!read && read.error().code == Code::too_large)
        co_return Error{Code::too_large,
                        fmt::format("the file \"{}\" has more than {} MiB", name, values::max_file_bytes >> 20)};
    co_return read;
}

} // namespace

awaitable<Result<Push>> read_push(http::Request& request, models::Registry& registry) {
    auto form = MultipartReader::open(request.header("Content-Type"), *request.body_reader);
    if (!form) co_return form.error();
    Push push;
    for (;;) {
        auto part = co_await form->next();
        if (!part) co_return part.error();
        if (!*part) break;
        const std::string name = (*part)->name;
        Result<void> read =
            Error{Code::unprocessable,
                  fmt::format(
                      "the form has an unknown part \"{}\", or has it twice; it takes one \"model\" (none for a chain) "
                      "and one \"manifest\", "
                      "and may have a \"signature\", a \"sha256\" and a \"file\" for each file that the manifest names",
                      name)};
        if (name == "manifest" && !push.manifest)
            read = co_await read_text(*form, push.manifest, values::max_manifest_bytes);
        else if (name == "signature" && !push.attached.signature)
            read = co_await read_text(*form, push.attached.signature, values::max_signature_bytes);
        else if (name == "sha256" && !push.attached.sha256)
            read = co_await read_text(*form, push.attached.sha256, digest_size);
        else if (name == "file")
            read = co_await read_side_file(*form, (*part)->filename.value_or(""), push.attached.files, registry);
        else if (name == "model" && !push.file)
            read = co_await read_file(*form, push.file.emplace(registry.begin_upload()));
        if (!read) co_return read.error();
    }
    if (!push.manifest)
        co_return Error{Code::unprocessable,
                        "the form needs the parts \"model\" and \"manifest\"; a chain needs \"manifest\" alone"};
    if (push.attached.sha256 && !is_sha256_hex(*push.attached.sha256))
        co_return Error{Code::unprocessable, "the part \"sha256\" must be 64 lower-case hex digits"};
    co_return std::move(push);
}

} // namespace millrace::api
