#include "store/postgres/pg_dialect.hpp"

#include <boost/algorithm/string/replace.hpp>

namespace millrace::store {
namespace {

// json_each($9) → json_array_elements_text(CAST($9 AS json)) AS each(value)
void replace_json_each(std::string& sql) {
    constexpr std::string_view name = "json_each(";
    for (auto at = sql.find(name); at != std::string::npos; at = sql.find(name, at)) {
        const auto begin = at + name.size();
        const auto parameter = sql.substr(begin, sql.find(')', begin) - begin);
        const auto replacement = "json_array_elements_text(CAST(" + parameter + " AS json)) AS each(value)";
        sql.replace(at, name.size() + parameter.size() + 1, replacement);
        at += replacement.size();
    }
}

} // namespace

std::string in_postgres(std::string_view sql) {
    std::string translated{sql};
    replace_json_each(translated);
    boost::algorithm::replace_all(translated, "instr(", "strpos(");
    return translated;
}

} // namespace millrace::store
