// /api/v1/blobs.
#pragma once
#include "blobs/blob_store.hpp"
#include "catalog/blob_catalog.hpp"
#include "catalog/blob_sweeper.hpp"
#include "http/router.hpp"

namespace millrace::api {

// Borrows everything for the life of the router.
void add_blob_routes(http::Router& router, blobs::BlobStore& blobs, catalog::BlobCatalog& catalog,
                     catalog::BlobSweeper& sweeper, std::uint64_t max_upload_bytes);

} // namespace millrace::api
