#include "store/postgres/pg_statement.hpp"

#include "base/encoding.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace millrace::store {
namespace {

constexpr Oid boolean_type = 16;
constexpr int as_text = 0, as_bytes = 1;

// The highest number of $1, $2 …; texts in quotes hold none.
std::size_t count_parameters(std::string_view sql) {
    std::size_t most = 0;
    for (std::size_t at = sql.find('$'); at != std::string_view::npos; at = sql.find('$', at + 1)) {
        std::size_t number = 0;
        std::from_chars(sql.data() + at + 1, sql.data() + sql.size(), number);
        most = std::max(most, number);
    }
    return most;
}

template <class Number>
Number number_of(std::string_view text) {
    Number number{};
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

} // namespace

void ClearResult::operator()(pg_result* result) const noexcept { PQclear(result); }

PgStatement::PgStatement(const char* sql, std::string name)
    : sql_{sql},
      name_{std::move(name)},
      parameters_{count_parameters(sql)},
      writes_{std::strncmp(sql, "INSERT", 6) == 0 || std::strncmp(sql, "UPDATE", 6) == 0 ||
              std::strncmp(sql, "DELETE", 6) == 0},
      names_tenant_{parameters_ > 0 && std::strstr(sql, "organization_id") != nullptr} {}

void PgStatement::check(const PgParameters& parameters) const {
    if (static_cast<std::size_t>(parameters.count()) != parameters_)
        throw DatabaseError{Fault::misuse,
                            fmt::format("{} values for {} parameters: {}", parameters.count(), parameters_, sql_)};
}

void PgStatement::keep(PgResult result) {
    result_ = std::move(result);
    row_ = -1;
    rows_ = PQntuples(result_.get());
    busy_ = true;
}

std::int64_t PgStatement::changed() const { return number_of<std::int64_t>(PQcmdTuples(result_.get())); }

bool PgStatement::step() { return ++row_ < rows_; }

void PgStatement::close() noexcept {
    result_.reset();
    busy_ = false;
}

bool PgStatement::is_null(int column) const { return PQgetisnull(result_.get(), row_, column) != 0; }

std::int64_t PgStatement::integer(int column) const {
    const auto value = text(column);
    if (PQftype(result_.get(), column) == boolean_type) return value == "t";
    return number_of<std::int64_t>(value);
}

double PgStatement::real(int column) const { return number_of<double>(text(column)); }

std::string_view PgStatement::text(int column) const {
    return {PQgetvalue(result_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
}

// As the server writes them: \x and two digits each.
std::span<const std::byte> PgStatement::bytes(int column) const {
    const auto written = text(column);
    bytes_ = from_hex(written.starts_with("\\x") ? written.substr(2) : written).value_or(std::vector<std::byte>{});
    return bytes_;
}

PgParameters::PgParameters(const Value* tenant, std::span<const Value> values) {
    const auto count = values.size() + (tenant ? 1 : 0);
    data_.reserve(count);
    sizes_.reserve(count);
    formats_.reserve(count);
    owned_.reserve(count);
    if (tenant) add(*tenant);
    for (const auto& value : values) add(value);
}

// Numbers as text, so that the server takes them for whatever type the statement wants; texts with their length.
void PgParameters::add(const Value& value) {
    struct Visitor {
        PgParameters& to;
        void operator()(std::nullptr_t) const {
            to.data_.push_back(nullptr);
            to.sizes_.push_back(0);
            to.formats_.push_back(as_text);
        }
        void operator()(std::int64_t v) const { to.add_number(fmt::format("{}", v)); }
        void operator()(double v) const { to.add_number(fmt::format("{}", v)); }
        void operator()(const Value::IdText& v) const { to.add(v.view()); }
        void operator()(std::span<const std::byte> v) const {
            to.add(std::string_view{reinterpret_cast<const char*>(v.data()), v.size()});
        }
        void operator()(std::string_view v) const {
            if (v.find('\0') == std::string_view::npos) return to.add(v);
            std::string whole;
            for (const char c : v)
                if (c == '\0') whole += "\xef\xbf\xbd";
                else whole += c;
            to.add(std::string_view{to.owned_.emplace_back(std::move(whole))});
        }
    };
    std::visit(Visitor{*this}, value.held());
}

void PgParameters::add(std::string_view bytes) {
    data_.push_back(bytes.empty() ? "" : bytes.data()); // a null pointer would be NULL
    sizes_.push_back(static_cast<int>(bytes.size()));
    formats_.push_back(as_bytes);
}

void PgParameters::add_number(std::string text) {
    const auto& kept = owned_.emplace_back(std::move(text));
    data_.push_back(kept.c_str());
    sizes_.push_back(static_cast<int>(kept.size()));
    formats_.push_back(as_text);
}

} // namespace millrace::store
