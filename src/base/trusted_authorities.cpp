#include "base/trusted_authorities.hpp"

#include <unistd.h>

namespace millrace {

const char* trusted_authorities() {
    for (const char* file : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"})
        if (::access(file, R_OK) == 0) return file;
    return nullptr;
}

} // namespace millrace
