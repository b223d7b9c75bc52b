// /api/v1/models.
#pragma once
#include "blobs/blob_store.hpp"
#include "catalog/blob_catalog.hpp"
#include "http/router.hpp"
#include "inference/engine.hpp"
#include "models/registry.hpp"

namespace millrace::api {

// Borrows everything for the life of the router.
void add_model_routes(http::Router& router, models::Registry& registry, inference::Engine& engine, blobs::BlobStore& blobs,
                      catalog::BlobCatalog& catalog);

} // namespace millrace::api
