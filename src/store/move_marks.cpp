#include "store/move_marks.hpp"

#include <fmt/format.h>

namespace millrace::store {

Error marked(int version, const std::string& name) {
    if (version == being_filled)
        return {Code::conflict,
                fmt::format("a move from {} into this database is not finished; run `millrace db move` again, or start "
                            "with the settings from before, which still hold",
                            name)};
    return {Code::conflict,
            fmt::format("the rows of this database were moved to {}, and it is kept as it was; {}", name,
                        name.starts_with("sqlite:") ? "unset store.url (MILLRACE_STORE_URL)"
                                                    : "set store.url (MILLRACE_STORE_URL) to it")};
}

} // namespace millrace::store
