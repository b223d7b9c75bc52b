// /api/v1/blobs.
#pragma once
#include "blobs/blob_store.hpp"
#include "catalog/blob_catalog.hpp"
#include "http/router.hpp"

namespace millrace::api {

void add_blob_routes(http::Router& router, blobs::BlobStore& blobs, catalog::BlobCatalog& catalog, std::uint64_t max_upload_bytes); // borrowed

} // namespace millrace::api
