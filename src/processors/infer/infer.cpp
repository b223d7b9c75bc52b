#include "processors/infer/infer.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "jobs/job_blobs.hpp"
#include "processors/infer/prediction_files.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace millrace::processors {
namespace {

using jobs::Failure;
using jobs::Outcome;

constexpr std::size_t max_inline_bytes = 1 << 20;

struct Call {
    std::string model;
    std::optional<std::string> version;
    std::string sticky_key; // empty: the job's id, so that all its attempts fall on one side
    json::value input;
};

Result<Call> read_call(const json::value& payload) {
    const auto* object = payload.if_object();
    if (!object) return Error{Code::unprocessable, "the payload of an infer job is an object: {\"model\":\"digits\",\"input\":{…}}"};
    if (const auto known = only_fields(*object, {"model", "version", "input", "sticky_key"}); !known) return known.error();
    const auto model = string_field(*object, "model", 64);
    if (!model) return model.error();
    const auto version = string_field(*object, "version", 32);
    if (!version) return version.error();
    const auto sticky = string_field(*object, "sticky_key", 256);
    if (!sticky) return sticky.error();
    const auto* input = field(*object, "input");
    if (!*model || !input) return Error{Code::unprocessable, "an infer job needs \"model\" and \"input\""};
    if (const auto* source = input->if_object()) {
        if (source->contains("$part"))
            return Error{Code::unprocessable, "\"$part\" names a file part of a multipart request; this request has no such part"};
        if (const auto* blob = source->if_contains("blob"); blob && (!blob->is_string() || !is_sha256_hex(blob->as_string())))
            return Error{Code::unprocessable, "\"blob\" is the SHA-256 of a stored blob: 64 lower-case hex digits"};
    }
    return Call{**model, *version, sticky->value_or(""), *input};
}

Outcome bad_input(std::string message) { return Failure{Failure::Kind::permanent, {"bad_input", std::move(message)}, {}}; }

Outcome failed(const Error& error) {
    const bool permanent = error.code == Code::not_found || error.code == Code::unprocessable || error.code == Code::too_large;
    return Failure{permanent ? Failure::Kind::permanent : Failure::Kind::retryable,
                   {permanent ? "bad_input" : "unavailable", error.detail}, {}};
}

Outcome failed(const inference::Failure& failure) {
    auto kind = inference::may_retry(failure) ? Failure::Kind::retryable : Failure::Kind::permanent;
    if (failure.killed_worker) kind = Failure::Kind::worker_lost; // by a crash, or by running too long, as the reason says
    std::optional<std::chrono::milliseconds> after;
    if (failure.retry_after_seconds > 0) after = std::chrono::seconds{failure.retry_after_seconds};
    return Failure{kind, {std::string{inference::word(failure.reason)}, failure.message}, after};
}

} // namespace

Result<void> Infer::check(OrganizationId organization, const json::value& payload) const {
    const auto call = read_call(payload);
    if (!call) return call.error();
    const auto chosen = serving_.choose(organization, call->model, call->version, call->sticky_key);
    if (!chosen) return Error{Code::unprocessable, chosen.error().detail};
    return success();
}

std::string Infer::resource(const json::value& payload) const {
    const auto call = read_call(payload);
    return call ? call->model : std::string{};
}

awaitable<Result<inference::Input>> Infer::open_input(OrganizationId organization, json::value spec) {
    inference::Input input;
    const auto* source = spec.if_object();
    if (source && source->contains("blob")) {
        const std::string sha256{source->at("blob").as_string()};
        // Shared with the reader's thread, where the file is opened: its row and its inode are there together.
        auto opened = std::make_shared<std::optional<blobs::OpenBlob>>();
        catalog::BlobCatalog::Then open = [this, opened](const catalog::BlobRow& found) -> Result<void> {
            auto file = blobs_.open_blob(found.blob.sha256, found.blob.size);
            if (!file) return file.error();
            *opened = std::move(*file);
            return success();
        };
        auto row = co_await catalog_.find(organization, sha256, std::move(open));
        if (!row) co_return row.error();
        if (!*row) co_return Error{Code::not_found, fmt::format("there is no blob {}", sha256)};
        if (!*opened) co_return Error{Code::not_found, fmt::format("the file of blob {} is missing", sha256)};
        input.file = std::move((*opened)->file);
        input.file_size = (*opened)->size;
        input.file_sha256 = sha256;
        input.media_type = (*row)->media_type;
    } else if (source && source->contains("base64")) {
        const auto text = string_field(*source, "base64", 2 * max_inline_bytes);
        if (!text) co_return text.error();
        const auto bytes = from_base64(**text);
        if (!bytes) co_return Error{Code::unprocessable, "\"base64\" is not base64"};
        input.bytes.assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
        if (auto type = string_field(*source, "media_type", 128); type && *type) input.media_type = **type;
    } else {
        input.bytes = json::serialize(spec);
        input.media_type = "application/json";
    }
    co_return input;
}

awaitable<Outcome> Infer::run(jobs::Attempt attempt) {
    auto call = read_call(json::parse(attempt.payload));
    if (!call) co_return bad_input(call.error().detail);
    auto input = co_await open_input(attempt.organization, std::move(call->input));
    if (!input) co_return failed(input.error());
    if (call->sticky_key.empty()) call->sticky_key = attempt.job.text();
    auto chosen = serving_.choose(attempt.organization, call->model, call->version, call->sticky_key);
    if (!chosen) co_return failed(chosen.error());

    models::Call work;
    work.chosen = std::move(*chosen);
    work.input = std::move(*input);
    work.priority = attempt.priority;
    work.deadline = attempt.deadline;
    auto predicted = co_await serving_.predict(std::move(work));
    if (!predicted) co_return failed(predicted.error());

    auto files = co_await store_files(blobs_, *predicted, blobs::Purpose::result);
    if (!files) co_return failed(files.error());
    jobs::Success done{json_text(predicted->result), {}};
    for (const auto& file : *files)
        done.effects.push_back([organization = attempt.organization, job = attempt.job, file, now = clock_.now()](store::Session& session) {
            catalog::add(session, organization, file.blob, file.media_type, {catalog::Kept::For::job}, now);
            jobs::job_blobs::add(session, organization, job, file.blob.sha256);
        });
    co_return done;
}

} // namespace millrace::processors
