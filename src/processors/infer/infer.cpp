#include "processors/infer/infer.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "jobs/job_blobs.hpp"
#include "processors/prediction_files.hpp"

#include <fmt/format.h>

namespace millrace::processors {
namespace {

using jobs::Failure;
using jobs::Outcome;

constexpr std::size_t max_inline_bytes = 1 << 20, most_read_on_the_spot = 16 << 10;

constexpr KeptMember kept[] = {{"", "input"}}; // tensors are the worker's to read

// Whether an input may be {"blob":…} or {"base64":…}; anything else is handed on unread.
bool names_a_source(std::string_view input) {
    return input.find("\"blob\"") != std::string_view::npos || input.find("\"base64\"") != std::string_view::npos;
}

struct Call {
    std::string model;
    std::optional<std::string> version;
    std::string sticky_key; // empty: the job's id, so that all its attempts fall on one side
};

Result<Call> read_call(const json::value& payload) {
    const auto* object = payload.if_object();
    if (!object)
        return Error{Code::unprocessable,
                     "the payload of an infer job is an object: {\"model\":\"digits\",\"input\":{…}}"};
    if (const auto known = only_fields(*object, {"model", "version", "input", "sticky_key"}); !known)
        return known.error();
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
            return Error{Code::unprocessable,
                         "\"$part\" names a file part of a multipart request; this request has no such part"};
        if (const auto* blob = source->if_contains("blob");
            blob && (!blob->is_string() || !is_sha256_hex(blob->as_string())))
            return Error{Code::unprocessable, "\"blob\" is the SHA-256 of a stored blob: 64 lower-case hex digits"};
        for (const std::string_view name : {"base64", "media_type"})
            if (const auto* text = source->if_contains(name); text && source->contains("base64") && !text->is_string())
                return Error{Code::unprocessable, fmt::format("\"{}\" must be a text", name)};
    }
    return Call{**model, *version, sticky->value_or("")};
}

// What the payload brings itself: bytes as base64, or tensors as JSON, which are handed on as they came.
Result<inference::Input> inline_input(const json::object* source, std::string text) {
    inference::Input input;
    if (!source || !source->contains("base64")) {
        input.bytes = std::move(text);
        input.media_type = "application/json";
        return input;
    }
    const auto encoded = string_field(*source, "base64", 2 * max_inline_bytes);
    if (!encoded) return encoded.error();
    const auto bytes = from_base64(encoded->value_or("-")); // null is no base64
    if (!bytes) return Error{Code::unprocessable, "\"base64\" is not base64"};
    input.bytes.assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    auto type = string_field(*source, "media_type", 128);
    if (!type) return type.error();
    input.media_type = type->value_or("");
    return input;
}

Result<InferCall> read_payload(const std::string& text) {
    const auto payload = parse_json(text, kept);
    if (!payload) return payload.error();
    auto call = read_call(*payload);
    if (!call) return call.error();
    InferCall read{std::move(call->model), std::move(call->version), std::move(call->sticky_key), {}, {}};
    auto given = json_text(payload->as_object().at("input"));
    const auto spec = names_a_source(given) ? parse_json(given) : json::value{};
    const auto* source = spec ? spec->if_object() : nullptr;
    if (const auto* blob = source ? source->if_contains("blob") : nullptr) {
        const auto* digest = blob->if_string();
        if (!digest || !is_sha256_hex(*digest))
            return Error{Code::unprocessable, "\"blob\" is the SHA-256 of a stored blob"};
        read.blob = std::string{*digest};
        return read;
    }
    auto input = inline_input(source, std::move(given));
    if (!input) return input.error();
    read.input = std::move(*input);
    return read;
}

Outcome bad_input(std::string message) {
    return Failure{Failure::Kind::permanent, {"bad_input", std::move(message)}, {}};
}

constexpr std::uint64_t checked_at_once = std::uint64_t{1} << 20; // bytes of a blob; under a millisecond to hash

Outcome failed(const Error& error) {
    const bool permanent =
        error.code == Code::not_found || error.code == Code::unprocessable || error.code == Code::too_large;
    return Failure{permanent ? Failure::Kind::permanent : Failure::Kind::retryable,
                   {permanent ? "bad_input" : "unavailable", error.detail},
                   {}};
}

Outcome failed(const inference::Failure& failure) {
    auto kind = inference::may_retry(failure) ? Failure::Kind::retryable : Failure::Kind::permanent;
    if (failure.killed_worker)
        kind = Failure::Kind::worker_lost; // by a crash, or by running too long, as the reason says
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

std::string Infer::obstacle(OrganizationId organization, std::string_view model) const {
    if (auto why = no_engine_(); !why.empty()) return why;
    const auto chosen = serving_.choose(organization, model, std::nullopt, "");
    return chosen ? std::string{} : chosen.error().detail;
}

awaitable<Result<inference::Input>> Infer::open_blob(OrganizationId organization, std::string sha256) {
    // Shared with the reader's thread, where the file is opened: its row and its inode are there together. What is
    // small is read and checked there too; a large one on the files pool.
    auto opened = std::make_shared<std::optional<blobs::OpenBlob>>();
    catalog::BlobCatalog::Then open = [this, opened](const catalog::BlobRow& found) -> Result<void> {
        const auto& blob = found.blob;
        auto file = blob.size <= checked_at_once ? blobs_.open_verified(blob.sha256, blob.size)
                                                 : blobs_.open_blob(blob.sha256, blob.size);
        if (!file) return file.error();
        *opened = std::move(*file);
        return success();
    };
    auto row = co_await catalog_.find(organization, sha256, std::move(open));
    if (!row) co_return row.error();
    if (!*row) co_return Error{Code::not_found, fmt::format("there is no blob {}", sha256)};
    if (!*opened) co_return Error{Code::not_found, fmt::format("the file of blob {} is missing", sha256)};
    if ((*opened)->size > checked_at_once) {
        auto checked = co_await blobs_.open_verified_async(sha256, (*opened)->size);
        if (!checked) co_return checked.error();
        if (*checked) *opened = std::move(*checked); // removed meanwhile: what is open is read all the same
    }
    inference::Input input;
    input.file = std::move((*opened)->file);
    input.file_size = (*opened)->size;
    input.file_sha256 = sha256;
    input.media_type = (*row)->media_type;
    co_return input;
}

// A large payload not on the dispatcher's thread, on which all others wait.
awaitable<Result<InferCall>> Infer::read(std::string payload) {
    if (payload.size() <= most_read_on_the_spot) co_return read_payload(payload);
    auto work = [payload = std::move(payload)] { return read_payload(payload); };
    co_return co_await work_.run(std::move(work));
}

awaitable<Outcome> Infer::run(jobs::Attempt attempt) {
    auto call = co_await read(std::move(attempt.payload));
    if (!call && call.error().code == Code::unavailable) co_return failed(call.error());
    if (!call) co_return bad_input(call.error().detail);
    auto input = Result<inference::Input>{std::move(call->input)};
    if (!call->blob.empty()) input = co_await open_blob(attempt.organization, call->blob);
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
        done.effects.push_back([job = attempt.job, file, now = clock_.now()](store::OrganizationSession& tenant) {
            catalog::add(tenant, file.blob, file.media_type, {catalog::Kept::For::job}, now);
            jobs::job_blobs::add(tenant, job, file.blob.sha256);
        });
    co_return done;
}

} // namespace millrace::processors
