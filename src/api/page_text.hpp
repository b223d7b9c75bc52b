// A page of a list that is held in memory, as text: {"data":[…],"meta":{"next_cursor":…}}. It ends where its bytes are
// used up; the cursor is the place of its last item. Pure.
#pragma once
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "http/request.hpp"
#include "jobs/page.hpp"

#include <string>
#include <string_view>

namespace millrace::api {

class PageText {
public:
    enum class Order { rising, falling }; // of the places of the items, as they come

    PageText(const http::Query& query, Order order) : order_{order} {
        if (const auto cursor = query.find("cursor")) cursor_ = *cursor;
    }

    // Whether the item at this place belongs to this page; asked before it is made.
    bool wants(std::string_view place) {
        if (!cursor_.empty() && (order_ == Order::rising ? place <= cursor_ : place >= cursor_)) return false;
        if (data_.size() < jobs::most_page_bytes) return true;
        more_ = true;
        return false;
    }
    void add(std::string_view place, const json::value& item) {
        if (!data_.empty()) data_ += ',';
        data_ += json_text(item);
        last_ = place;
    }
    std::string text() const {
        const json::value next = more_ ? json::value(last_) : json::value(nullptr);
        return R"({"data":[)" + data_ + R"(],"meta":{"next_cursor":)" + json::serialize(next) + "}}";
    }

private:
    Order order_;
    std::string cursor_, data_, last_;
    bool more_ = false;
};

} // namespace millrace::api
