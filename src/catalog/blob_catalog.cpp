#include "catalog/blob_catalog.hpp"

namespace millrace::catalog {
namespace {

using store::Session;
using store::Sql;
using store::TenantSession;

constexpr Sql insert_blob{"INSERT INTO blobs (organization_id, sha256, size, media_type, created_at) VALUES ($1, $2, $3, $4, $5) "
                          "ON CONFLICT (organization_id, sha256) DO NOTHING"};
constexpr Sql find_blob{"SELECT size, media_type, tier, created_at FROM blobs WHERE organization_id = $1 AND sha256 = $2"};

bool insert(Session& session, OrganizationId organization, const model::BlobRef& blob, const std::string& media_type, Timestamp now) {
    TenantSession tenant{session, organization};
    return tenant.execute(insert_blob, {blob.sha256, blob.size, media_type, now}) == 1;
}

} // namespace

void add(Session& session, OrganizationId organization, const model::BlobRef& blob, const std::string& media_type, Timestamp now) {
    insert(session, organization, blob, media_type, now);
}

awaitable<Result<bool>> BlobCatalog::add(OrganizationId organization, model::BlobRef blob, std::string media_type) {
    auto task = [=, now = clock_.now()](Session& session) -> Result<bool> { return insert(session, organization, blob, media_type, now); };
    co_return co_await database_.write(std::move(task));
}

awaitable<Result<std::optional<BlobRow>>> BlobCatalog::find(OrganizationId organization, std::string sha256) {
    return find(organization, std::move(sha256), {});
}

awaitable<Result<std::optional<BlobRow>>> BlobCatalog::find(OrganizationId organization, std::string sha256, Then then) {
    auto task = [organization, sha256, then = std::move(then)](Session& session) -> Result<std::optional<BlobRow>> {
        TenantSession tenant{session, organization};
        auto rows = tenant.query(find_blob, {sha256});
        if (!rows.next()) return std::optional<BlobRow>{};
        BlobRow row{{sha256, static_cast<std::uint64_t>(rows.integer(0))}, rows.string(1), rows.string(2), rows.time(3)};
        if (then)
            if (auto done = then(row); !done) return done.error();
        return std::optional{std::move(row)};
    };
    co_return co_await database_.read(std::move(task));
}

} // namespace millrace::catalog
