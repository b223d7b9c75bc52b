// Chains: versions that are made of versions of other models.
#include "models/registry.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "models/model_repository.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::models {
namespace {

using inference::ModelVersion;

// One digest over what a chain names, in the order of its steps.
std::string digest_of(const std::vector<std::shared_ptr<const ModelVersion>>& steps) {
    std::string text = "millrace-chain-1\n";
    for (const auto& step : steps)
        text += fmt::format("{} {} {} {}\n", step->name, step->version, step->sha256, step->rules_sha256);
    return hex(sha256(text));
}

std::vector<const values::Manifest*> manifests_of(const std::vector<std::shared_ptr<const ModelVersion>>& steps) {
    std::vector<const values::Manifest*> manifests;
    for (const auto& step : steps) manifests.push_back(step->manifest.get());
    return manifests;
}

Error of_step(const values::Step& step, const Error& error) {
    Error named = error;
    named.detail = fmt::format("{}: {}", values::title(step), error.detail);
    return named;
}

} // namespace

Result<std::shared_ptr<const ModelVersion>> Registry::resolve_step(OrganizationId organization,
                                                                   const values::Step& step) const {
    auto found = step.version == 0 ? resolve(organization, step.model)
                                   : resolve(organization, step.model, std::to_string(step.version));
    if (!found) return of_step(step, found.error());
    return found;
}

Result<std::vector<std::shared_ptr<const ModelVersion>>> Registry::parts(
    const std::shared_ptr<const ModelVersion>& version) const {
    if (version->manifest->task != values::Task::chain) return std::vector{version};
    std::vector<std::shared_ptr<const ModelVersion>> steps;
    for (const auto& step : version->manifest->steps) {
        auto found = resolve_step(version->organization, step);
        if (!found) return found.error();
        steps.push_back(std::move(*found));
    }
    return steps;
}

// Pins the steps and checks them against each other.
Result<void> Registry::take_steps(StoredVersion& row, values::Manifest& manifest) const {
    std::vector<std::shared_ptr<const ModelVersion>> steps;
    for (auto& step : manifest.steps) {
        auto found = resolve_step(row.organization, step);
        if (!found && found.error().code == Code::not_found)
            return Error{Code::unprocessable, "manifest: " + found.error().detail};
        if (!found) return found.error();
        step.version = version_number((*found)->version).value_or(0);
        steps.push_back(std::move(*found));
    }
    row.sha256 = digest_of(steps);
    row.size = 0;
    row.format = inference::ArchiveKind::chain;
    return values::join_steps(manifest, manifests_of(steps));
}

// Of a version that is in the store, whose steps may not be usable just now.
Result<void> Registry::join_stored(OrganizationId organization, values::Manifest& manifest) const {
    std::vector<std::shared_ptr<const Model>> models; // keep their manifests alive
    std::vector<const values::Manifest*> manifests;
    for (const auto& step : manifest.steps) {
        auto model = find(organization, step.model);
        const auto* version = model ? (*model)->find(step.version) : nullptr;
        if (!version) return Error{Code::internal, fmt::format("{} is missing", values::title(step))};
        manifests.push_back(version->manifest.get());
        models.push_back(std::move(*model));
    }
    return values::join_steps(manifest, manifests);
}

// Each was tried when it was pushed, so none needs a process of its own for that.
awaitable<Result<void>> Registry::warm_steps(OrganizationId organization,
                                             std::shared_ptr<const values::Manifest> chain) {
    for (const auto& step : chain->steps) {
        auto version = resolve_step(organization, step);
        if (!version) co_return version.error();
        auto warm = co_await trial_.warm(std::move(*version));
        if (!warm) co_return of_step(step, warm.error());
    }
    co_return success();
}

} // namespace millrace::models
