// A prepared statement on one connection, with the result of its last run: all rows at once, so that other statements
// run while they are read. What may give very many is a scan (pg_scan.hpp).
#pragma once
#include "store/sql.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pg_result;

namespace millrace::store {

struct ClearResult {
    void operator()(pg_result* result) const noexcept;
};
using PgResult = std::unique_ptr<pg_result, ClearResult>;

class PgParameters;

class PgStatement : public Cursor {
public:
    // `sql` in the common dialect; it is a literal, and borrowed.
    PgStatement(const char* sql, std::string name);

    const char* sql() const { return sql_; }
    const std::string& name() const { return name_; } // on the server
    std::size_t parameters() const { return parameters_; }
    bool writes() const { return writes_; }
    bool names_tenant() const { return names_tenant_; }
    bool busy() const { return busy_; }

    void check(const PgParameters& parameters) const; // throws misuse when there are too many or too few
    void keep(PgResult result);
    std::int64_t changed() const; // rows, by the last run

    bool step() override;
    void close() noexcept override;
    bool is_null(int column) const override;
    std::int64_t integer(int column) const override; // true is 1
    double real(int column) const override;
    std::string_view text(int column) const override;
    std::span<const std::byte> bytes(int column) const override;

protected:
    const pg_result* result() const { return result_.get(); }
    int rows() const { return rows_; }

private:
    const char* sql_;
    const std::string name_;
    std::size_t parameters_ = 0;
    bool writes_ = false, names_tenant_ = false, busy_ = false;
    PgResult result_;
    int row_ = -1, rows_ = 0;
    mutable std::vector<std::byte> bytes_; // of the column that was read last
};

// The values as libpq takes them. Borrows the texts and bytes; U+0000, which PostgreSQL's texts cannot hold, becomes
// U+FFFD.
class PgParameters {
public:
    PgParameters(const Value* tenant, std::span<const Value> values);

    int count() const { return static_cast<int>(data_.size()); }
    const char* const* data() const { return data_.data(); }
    const int* sizes() const { return sizes_.data(); }
    const int* formats() const { return formats_.data(); }

private:
    void add(const Value& value);
    void add(std::string_view bytes);
    void add_number(std::string text);

    std::vector<const char*> data_;
    std::vector<int> sizes_, formats_;
    std::vector<std::string> owned_; // never grows beyond what was reserved: what points into it stays
};

} // namespace millrace::store
