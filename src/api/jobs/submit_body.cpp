#include "api/jobs/submit_body.hpp"

#include "api/input.hpp"
#include "api/jobs/job_input.hpp"
#include "base/json.hpp"
#include "catalog/blob_catalog.hpp"

#include <fmt/format.h>

#include <map>

namespace millrace::api {
namespace {

struct StoredPart {
    values::BlobRef blob;
    std::string media_type;
};
using Parts = std::map<std::string, StoredPart, std::less<>>;

// The payload with {"blob":…} wherever {"$part":"name"} stands in it.
Result<std::string> refer_to_parts(std::string_view payload, const Parts& parts) {
    return replace_objects(payload, "$part", [&](std::string_view named) -> Result<std::string> {
        const auto name = parse_json(named);
        const auto part = name && name->is_string() ? parts.find(std::string_view{name->get_string()}) : parts.end();
        if (part == parts.end()) return Error{Code::unprocessable, fmt::format("the form has no file part {}", named)};
        return fmt::format(R"({{"blob":"{}"}})", part->second.blob.sha256);
    });
}

struct Form {
    std::string job;
    Parts parts;
};

awaitable<Result<Form>> read_parts(http::Request& request, blobs::BlobStore& blobs, std::uint64_t max_upload_bytes) {
    auto form = http::MultipartReader::open(request.header("Content-Type"), *request.body_reader);
    if (!form) co_return form.error();
    std::optional<std::string> job;
    Parts parts;
    for (;;) {
        auto part = co_await form->next();
        if (!part) co_return part.error();
        if (!*part) break;
        const std::string name = (*part)->name, type = (*part)->content_type;
        if (name == "job") {
            if (job) co_return Error{Code::unprocessable, "the form has two parts named \"job\""};
            auto text = co_await form->text(max_json_bytes);
            if (!text) co_return text.error();
            job = std::move(*text);
            continue;
        }
        auto blob = co_await store_part(*form, blobs, max_upload_bytes);
        if (!blob) co_return blob.error();
        if (!parts.emplace(name, StoredPart{*blob, type}).second)
            co_return Error{Code::unprocessable, fmt::format("the form has two parts named \"{}\"", name)};
    }
    if (!job) co_return Error{Code::unprocessable, "the form needs a part \"job\" with the job's JSON"};
    co_return Form{std::move(*job), std::move(parts)};
}

awaitable<Result<SubmitBody>> read_form(http::Request& request, blobs::BlobStore& blobs, Timestamp now,
                                        std::uint64_t max_upload_bytes) {
    auto form = co_await read_parts(request, blobs, max_upload_bytes);
    if (!form) co_return form.error();
    auto document = parse_json(form->job, submit_texts);
    if (!document) co_return document.error();
    auto* object = document->if_object();
    if (auto* payload = object ? object->if_contains("payload") : nullptr) {
        const auto referred = refer_to_parts(*kept_text(*payload), form->parts);
        if (!referred) co_return referred.error();
        *payload = keep_text(*referred);
    }
    SubmitBody submit{std::move(*document), std::move(form->job), {}};
    for (const auto& [name, part] : form->parts) {
        submit.fingerprint += "\n" + name + " " + part.blob.sha256;
        submit.effects.push_back([part = part, now](store::OrganizationSession& tenant) {
            catalog::add(tenant, part.blob, part.media_type, {catalog::Kept::For::job}, now);
        });
    }
    co_return submit;
}

} // namespace

awaitable<Result<SubmitBody>> read_submit(http::Request& request, blobs::BlobStore& blobs, Timestamp now,
                                          std::uint64_t max_upload_bytes) {
    const auto type = media_type(request.header("Content-Type"));
    if (http::equal_ignoring_case(type, "multipart/form-data"))
        co_return co_await read_form(request, blobs, now, max_upload_bytes);
    if (!http::equal_ignoring_case(type, "application/json"))
        co_return Error{Code::unsupported_type,
                        "send the job as application/json, or as multipart/form-data with its files"};
    auto body = co_await read_body(*request.body_reader, max_json_bytes);
    if (!body) co_return body.error();
    auto document = parse_json(*body, submit_texts);
    if (!document) co_return document.error();
    co_return SubmitBody{std::move(*document), std::move(*body), {}};
}

} // namespace millrace::api
