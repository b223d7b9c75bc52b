#include "catalog/blob_catalog.hpp"

#include "catalog/blob_repository.hpp"

namespace millrace::catalog {
namespace {

using store::SystemSession;
using store::Sql;
using store::OrganizationSession;

constexpr Sql insert_blob{"INSERT INTO blobs (organization_id, sha256, size, media_type, created_at, owner, "
                          "expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                          "ON CONFLICT (organization_id, sha256) DO UPDATE SET "
                          "expires_at = CASE WHEN 'user' IN (blobs.owner, excluded.owner) OR (blobs.owner = 'job' AND "
                          "excluded.owner = 'job') THEN NULL "
                          "WHEN blobs.expires_at > excluded.expires_at OR excluded.expires_at IS NULL THEN "
                          "blobs.expires_at ELSE excluded.expires_at END, "
                          "owner = CASE WHEN 'user' IN (blobs.owner, excluded.owner) THEN 'user' WHEN 'prediction' IN "
                          "(blobs.owner, excluded.owner) THEN 'prediction' ELSE 'job' END"};
constexpr Sql find_blob{
    "SELECT size, media_type, tier, created_at FROM blobs WHERE organization_id = $1 AND sha256 = $2"};

constexpr Sql select_owners{"SELECT organization_id FROM blobs WHERE sha256 = $1"};

std::string_view name(Kept::For reason) {
    switch (reason) {
    case Kept::For::user: return "user";
    case Kept::For::prediction: return "prediction";
    case Kept::For::job: return "job";
    }
    return "user";
}

} // namespace

void add(OrganizationSession& tenant, const values::BlobRef& blob, const std::string& media_type, Kept kept,
         Timestamp now) {
    const auto until = kept.reason == Kept::For::prediction ? std::optional{kept.until} : std::nullopt;
    tenant.execute(insert_blob, {blob.sha256, blob.size, media_type, now, name(kept.reason), until});
}

std::vector<OrganizationId> owners_of(SystemSession& session, const std::string& sha256) {
    std::vector<OrganizationId> owners;
    for (auto rows = session.query(select_owners, {sha256}); rows.next();) owners.push_back(rows.id<OrganizationId>(0));
    return owners;
}

awaitable<Result<void>> BlobCatalog::add(OrganizationId organization, values::BlobRef blob, std::string media_type,
                                         Kept kept) {
    auto task = [blob, media_type, kept, now = clock_.now()](OrganizationSession& tenant) -> Result<void> {
        catalog::add(tenant, blob, media_type, kept, now);
        return success();
    };
    co_return co_await database_.write(organization, std::move(task));
}

awaitable<Result<void>> BlobCatalog::remove(OrganizationId organization, std::string sha256) {
    auto task = [sha256, now = clock_.now()](OrganizationSession& tenant) -> Result<void> {
        return blob_repository::remove(tenant, sha256, now);
    };
    co_return co_await database_.write(organization, std::move(task));
}

awaitable<Result<std::optional<BlobRow>>> BlobCatalog::find(OrganizationId organization, std::string sha256) {
    return find(organization, std::move(sha256), {});
}

awaitable<Result<std::optional<BlobRow>>> BlobCatalog::find(OrganizationId organization, std::string sha256,
                                                            Then then) {
    auto task = [sha256, then = std::move(then)](OrganizationSession& tenant) -> Result<std::optional<BlobRow>> {
        auto rows = tenant.query(find_blob, {sha256});
        if (!rows.next()) return std::optional<BlobRow>{};
        BlobRow row{
            {sha256, static_cast<std::uint64_t>(rows.integer(0))}, rows.string(1), rows.string(2), rows.time(3)};
        if (then)
            if (auto done = then(row); !done) return done.error();
        return std::optional{std::move(row)};
    };
    co_return co_await database_.read(organization, std::move(task));
}

} // namespace millrace::catalog
