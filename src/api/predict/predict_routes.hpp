// POST /api/v1/models/{name}/predict.
#pragma once
#include "blobs/blob_store.hpp"
#include "catalog/blob_catalog.hpp"
#include "http/router.hpp"
#include "models/serving.hpp"

namespace millrace::api {

// Borrows everything for the life of the router. `keep_files`: of the files that a prediction brings (a map); 0: for
// good.
void add_predict_routes(http::Router& router, models::Serving& serving, blobs::BlobStore& blobs,
                        catalog::BlobCatalog& catalog, std::chrono::hours keep_files, const Clock& clock);

} // namespace millrace::api
