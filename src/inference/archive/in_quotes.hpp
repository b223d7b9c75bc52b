// Names from a stranger's file, as error messages show them: what is not plain ASCII as \xNN, so that the message stays
// text whatever the file holds. Pure.
#pragma once
#include <string>
#include <string_view>

namespace millrace::inference {

std::string in_quotes(std::string_view name); // in double quotes, cut after 120 bytes

} // namespace millrace::inference
