#include "base/compact_json.hpp"
#include "base/json.hpp"
#include "base/kept_mark.hpp"
#include "base/nearest_double.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace millrace {
namespace {

using Failure = boost::system::error_code;

constexpr std::string_view no_parent = "\xff"; // no member's name

Error unacceptable(std::string_view why) {
    return {Code::invalid_argument, fmt::format("not acceptable JSON: {}", why)};
}
Error twice() { return unacceptable("an object has the same key twice"); }

// What boost's parser calls. Makes a tree, in which the kept members are texts; or, with `all_text`, one text of
// everything.
class Reader {
public:
    static constexpr std::size_t max_object_size = json::object::max_size(), max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = json::string::max_size(), max_string_size = json::string::max_size();

    explicit Reader(std::span<const KeptMember> kept) : kept_{kept} { tree_.reset(); }
    explicit Reader(bool all_text) : all_text_{all_text} {
        if (all_text) text_.begin();
    }
    Reader(std::string_view name, const ReplaceObject& replace) : Reader{true} {
        replaced_ = fmt::format("{{\"{}\":", name);
        replace_ = &replace;
    }

    json::value take_tree() { return tree_.release(); }
    std::string take_text() { return text_.take(); }
    // How many members the objects in the tree were given.
    std::size_t members() const { return members_; }
    const std::optional<Error>& complaint() const { return complaint_; }

    bool on_document_begin(Failure&) { return true; }
    bool on_document_end(Failure&) { return true; }

    bool on_object_begin(Failure&) {
        if (as_text()) {
            text_.open_object();
            ++open_;
        } else if (!kept_.empty()) {
            ++depth_;
        }
        return true;
    }
    bool on_object_end(std::size_t size, Failure& failure) {
        if (!as_text()) {
            tree_.push_object(size);
            members_ += size;
            if (!kept_.empty()) --depth_;
            return true;
        }
        const auto begin = text_.object_begin();
        if (!text_.close_object(size)) return refuse(failure, twice());
        if (replace_ && size == 1 && !replaced(begin, failure)) return false;
        --open_;
        return ended();
    }
    bool on_array_begin(Failure&) {
        if (as_text()) {
            text_.open_array();
            ++open_;
        }
        return true;
    }
    bool on_array_end(std::size_t size, Failure&) {
        if (!as_text()) return tree_.push_array(size), true;
        text_.close_array();
        --open_;
        return ended();
    }
    bool on_key_part(json::string_view part, std::size_t, Failure&) {
        if (as_text()) return text_.string_part(part), true;
        if (!kept_.empty()) key_ += part;
        return tree_.push_chars(part), true;
    }
    bool on_key(json::string_view rest, std::size_t, Failure&) {
        if (as_text()) return text_.key(rest), true;
        tree_.push_key(rest);
        if (kept_.empty()) return true;
        if (key_.empty()) return look_at(rest), true;
        key_ += rest;
        look_at(key_);
        key_.clear();
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, Failure&) {
        return as_text() ? text_.string_part(part) : tree_.push_chars(part), true;
    }
    bool on_string(json::string_view rest, std::size_t, Failure&) {
        if (!as_text()) return tree_.push_string(rest), true;
        text_.string(rest);
        return ended();
    }
    bool on_number_part(json::string_view part, Failure&) { return number_ += part, true; }
    bool on_int64(std::int64_t value, json::string_view rest, Failure&) {
        const auto text = whole_number(rest);
        if (as_text()) return plain(text);
        if (value == 0 && text.starts_with('-')) tree_.push_double(-0.0);
        else tree_.push_int64(value);
        return number_.clear(), true;
    }
    bool on_uint64(std::uint64_t value, json::string_view rest, Failure&) {
        const auto text = whole_number(rest);
        if (as_text()) return plain(text);
        return tree_.push_uint64(value), number_.clear(), true;
    }
    bool on_double(double about, json::string_view rest, Failure& failure) {
        const auto text = whole_number(rest);
        const auto value = nearest_double(text, about);
        if (!value)
            return refuse(failure,
                          unacceptable("a number is past the range of doubles, which ends at 1.7976931348623157e308"));
        if (as_text()) return plain(text);
        return tree_.push_double(*value), number_.clear(), true;
    }
    bool on_bool(bool value, Failure&) {
        return as_text() ? plain(value ? "true" : "false") : (tree_.push_bool(value), true);
    }
    bool on_null(Failure&) { return as_text() ? plain("null") : (tree_.push_null(), true); }
    bool on_comment_part(json::string_view, Failure&) { return true; }
    bool on_comment(json::string_view, Failure&) { return true; }

private:
    // Whether what comes belongs to a text. The first event of a kept member begins its text.
    bool as_text() {
        if (next_kept_) {
            next_kept_ = false;
            keeping_ = true;
            text_.begin(kept_mark());
        }
        return keeping_ || all_text_;
    }
    bool ended() {
        if (!keeping_ || open_ > 0) return true;
        keeping_ = false;
        tree_.push_string(text_.text());
        return true;
    }
    bool plain(std::string_view text) {
        text_.plain(text);
        number_.clear();
        return ended();
    }
    std::string_view whole_number(std::string_view rest) {
        if (number_.empty()) return rest;
        return number_ += rest;
    }
    // A key of the object at depth_: is its value kept, and which of the parents is it to objects below?
    void look_at(std::string_view key) {
        const std::string_view parent = depth_ == 1 ? std::string_view{} : parents_[depth_ - 1];
        parents_[depth_] = no_parent;
        for (const auto& member : kept_) {
            if (member.parent == key) parents_[depth_] = member.parent;
            if (member.name == key && member.parent == parent) next_kept_ = true;
        }
    }
    bool replaced(std::size_t begin, Failure& failure) {
        const auto object = text_.text().substr(begin);
        if (!object.starts_with(replaced_)) return true;
        const auto other = (*replace_)(object.substr(replaced_.size(), object.size() - replaced_.size() - 1));
        if (!other) return refuse(failure, other.error());
        text_.replace_from(begin, *other);
        return true;
    }
    bool refuse(Failure& failure, Error error) {
        complaint_ = std::move(error);
        failure = json::make_error_code(json::error::syntax);
        return false;
    }

    json::value_stack tree_;
    std::span<const KeptMember> kept_;
    CompactJson text_;
    std::string number_, key_; // the parts so far
    std::string replaced_;     // how an object that is replaced begins
    const ReplaceObject* replace_ = nullptr;
    std::optional<Error> complaint_;
    std::size_t members_ = 0;
    std::size_t depth_ = 0; // objects that are open in the tree
    std::array<std::string_view, max_json_depth + 1>
        parents_{};        // by depth, the key whose value is being read, where it is a parent
    std::size_t open_ = 0; // objects and arrays that are open in the text
    bool all_text_ = false, next_kept_ = false, keeping_ = false;
};

using Parser = json::basic_parser<Reader>;

Result<void> run(Parser& parser, std::string_view text) {
    Failure failure;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), failure);
    if (const auto& complaint = parser.handler().complaint()) return *complaint;
    if (failure)
        return Error{Code::invalid_argument,
                     fmt::format("not acceptable JSON at byte {}: {}", used, failure.message())};
    const auto rest = text.substr(used);
    if (!std::all_of(rest.begin(), rest.end(), [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }))
        return Error{Code::invalid_argument,
                     fmt::format("not acceptable JSON: something follows the value at byte {}", used)};
    return success();
}

Result<std::string> run_for_text(Parser&& parser, std::string_view text) {
    if (auto done = run(parser, text); !done) return done.error();
    return parser.handler().take_text();
}

constexpr json::parse_options options() { return {.max_depth = max_json_depth}; }

} // namespace

Result<json::value> parse_json(std::string_view text, std::span<const KeptMember> kept) {
    Parser parser{options(), kept};
    if (auto done = run(parser, text); !done) return done.error();
    const auto members = parser.handler().members();
    json::value value = parser.handler().take_tree();
    if (count_members(value) != members) return twice();
    return value;
}

Result<std::string> compact_json(std::string_view text) { return run_for_text(Parser{options(), true}, text); }

Result<std::string> replace_objects(std::string_view text, std::string_view name, const ReplaceObject& replace) {
    return run_for_text(Parser{options(), name, replace}, text);
}

} // namespace millrace
