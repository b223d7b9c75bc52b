// Files: which organisation has which, and for how long.
#pragma once
#include "app/feature.hpp"
#include "app/foundations.hpp"
#include "catalog/blob_catalog.hpp"
#include "catalog/blob_sweeper.hpp"

namespace millrace::app {

class BlobFeature final : public Feature {
public:
    explicit BlobFeature(Foundations& base);

    void add_routes(http::Router& router) override;
    Result<void> load() override;

    catalog::BlobCatalog& catalog() { return catalog_; }

private:
    void tell_of_damage(); // as an event of every organisation that has the file

    Foundations& base_;
    catalog::BlobCatalog catalog_;
    catalog::BlobSweeper sweeper_;
};

} // namespace millrace::app
