// Where this system keeps the certificates of the authorities that it trusts.
#pragma once

namespace millrace {

// The file; nullptr when it is in none of the places of Debian's and Fedora's families.
const char* trusted_authorities();

} // namespace millrace
