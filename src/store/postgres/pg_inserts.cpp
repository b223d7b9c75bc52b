#include "store/postgres/pg_inserts.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace millrace::store {
namespace {

constexpr std::size_t most_rows = 512, most_bytes = 1 << 20; // that wait
constexpr std::size_t most_at_once = 64;                     // in one statement; each half of it is prepared, too

// Where the list of values ends that begins at `at`.
std::size_t end_of_list(std::string_view sql, std::size_t at) {
    int depth = 0;
    for (; at < sql.size(); ++at) {
        if (sql[at] == '(') ++depth;
        if (sql[at] == ')' && --depth == 0) return at + 1;
    }
    return std::string_view::npos;
}

// The list of values, with every parameter's number higher by `more`.
std::string renumbered(std::string_view list, std::size_t more) {
    std::string text;
    while (!list.empty()) {
        const auto at = std::min(list.find('$'), list.size());
        text += list.substr(0, at);
        list.remove_prefix(at);
        if (list.empty()) break;
        std::size_t number = 0;
        const auto [end, error] = std::from_chars(list.data() + 1, list.data() + list.size(), number);
        text += "$" + std::to_string(number + more);
        list.remove_prefix(static_cast<std::size_t>(end - list.data()));
    }
    return text;
}

} // namespace

std::string for_rows(std::string_view sql, std::size_t width, std::size_t rows) {
    constexpr std::string_view word = " VALUES (";
    const auto found = sql.find(word);
    const auto begin = found + word.size() - 1;
    const auto end = found == std::string_view::npos ? found : end_of_list(sql, begin);
    if (end == std::string_view::npos || sql.find("RETURNING", end) != std::string_view::npos)
        throw DatabaseError{Fault::misuse, "no INSERT of one row: " + std::string{sql}};
    std::string text{sql.substr(0, begin)};
    for (std::size_t row = 0; row < rows; ++row)
        text += (row ? ", " : "") + renumbered(sql.substr(begin, end - begin), row * width);
    return text += sql.substr(end);
}

void PgInserts::add(const char* sql, const Value* tenant, std::span<const Value> values) {
    const PgParameters parameters{tenant, values};
    const auto width = static_cast<std::size_t>(parameters.count());
    auto at = from_;
    while (at < statements_.size() && statements_[at].sql != sql) ++at;
    if (at == statements_.size()) statements_.push_back({sql, width, {}, {}, {}, {}});
    from_ = at;
    auto& statement = statements_[at];
    const auto before = statement.kept.size();
    for (std::size_t i = 0; i < width; ++i) {
        const char* value = parameters.data()[i];
        const int size = value ? parameters.sizes()[i] : -1;
        statement.begins.push_back(statement.kept.size());
        statement.sizes.push_back(size);
        statement.formats.push_back(parameters.formats()[i]);
        if (value) statement.kept.append(value, static_cast<std::size_t>(size)) += '\0';
    }
    bytes_ += statement.kept.size() - before;
    if (++rows_ >= most_rows || bytes_ >= most_bytes) send();
}

void PgInserts::send() {
    if (statements_.empty()) return;
    const auto statements = std::exchange(statements_, {});
    forget();
    std::vector<const char*> values;
    for (const auto& each : statements)
        for (std::size_t i = 0; i < each.sizes.size(); ++i)
            values.push_back(each.sizes[i] < 0 ? nullptr : each.kept.data() + each.begins[i]);
    std::vector<PgRun> runs;
    std::size_t first = 0; // of the statement, in `values`
    for (const auto& each : statements) {
        for (std::size_t row = 0, rows; row < each.rows(); row += rows) {
            rows = most_at_once;
            while (rows > each.rows() - row) rows /= 2;
            const auto at = row * each.width;
            runs.push_back({&connection_.prepared_for_rows(each.sql, each.width, rows),
                            static_cast<int>(rows * each.width), values.data() + first + at, each.sizes.data() + at,
                            each.formats.data() + at});
        }
        first += each.sizes.size();
    }
    connection_.run_all(runs, statements.front().sql);
}

void PgInserts::forget() {
    statements_.clear();
    from_ = bytes_ = rows_ = 0;
}

} // namespace millrace::store
