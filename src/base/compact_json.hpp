// Writes JSON text from a parser's events, as the sender wrote it but without blanks: numbers digit by digit, members
// in their order, strings with no escape but those that JSON asks for. So a value that is only passed on is never
// turned into numbers and back.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

class CompactJson {
public:
    // `before` stands before the text, and is the caller's own.
    void begin(std::string_view before = {});

    void open_object();
    // The object that was opened last has so many members. False when two of them have one key.
    bool close_object(std::size_t members);
    void open_array();
    void close_array() { text_ += ']'; }
    void string_part(std::string_view part); // of a string or key whose end is still to come
    void key(std::string_view rest);
    void string(std::string_view rest);
    void plain(std::string_view number_or_word);

    std::size_t object_begin() const {
        return objects_.back();
    } // where the object that was opened last begins in the text
    // Puts `text` in the place of all that was written from `begin` on.
    void replace_from(std::size_t begin, std::string_view text) { text_.replace(begin, std::string::npos, text); }
    std::string_view text() const { return text_; }
    std::string take() { return std::move(text_); }

private:
    struct Key {
        std::uint32_t begin, size; // in text_
    };

    void separate(); // a comma, where one belongs
    bool distinct(std::size_t members) const;

    std::string text_;
    std::vector<Key> keys_;            // of the objects that are open, outermost first
    std::vector<std::size_t> objects_; // the objects that are open
    bool in_string_ = false;
    std::size_t string_begin_ = 0;
};

} // namespace millrace
