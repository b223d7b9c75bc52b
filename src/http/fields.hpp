// Names and values of a request: header fields, query pairs and path captures, as views into the session's own
// memory. They live as long as the Request that holds them.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::http {

bool equal_ignoring_case(std::string_view a, std::string_view b); // ASCII

// Header fields in the order received. Names are compared without regard to case.
class Headers {
public:
    struct Field {
        std::string_view name, value; // the value without surrounding blanks
    };

    std::string_view find(std::string_view name) const; // the first of that name; empty when absent
    bool has(std::string_view name) const;
    std::size_t count(std::string_view name) const;

    void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
    void clear() { fields_.clear(); }
    std::size_t size() const { return fields_.size(); }
    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }

private:
    std::vector<Field> fields_;
};

// What the names in braces of a route's pattern matched; decoded.
class Parameters {
public:
    std::string_view operator[](std::string_view name) const; // empty when the pattern has no such name

    void add(std::string_view name, std::string_view value) { pairs_.emplace_back(name, value); }
    void resize(std::size_t n) { pairs_.resize(n); }
    void clear() { pairs_.clear(); }
    std::size_t size() const { return pairs_.size(); }

private:
    std::vector<std::pair<std::string_view, std::string_view>> pairs_;
};

// The decoded pairs after the question mark, in order; `+` is a space.
class Query {
public:
    std::optional<std::string_view> find(std::string_view name) const; // the first of that name
    std::vector<std::string_view> all(std::string_view name) const;

    void add(std::string name, std::string value) { pairs_.emplace_back(std::move(name), std::move(value)); }
    void clear() { pairs_.clear(); }
    std::size_t size() const { return pairs_.size(); }
    auto begin() const { return pairs_.begin(); }
    auto end() const { return pairs_.end(); }

private:
    std::vector<std::pair<std::string, std::string>> pairs_;
};

} // namespace millrace::http
