// Packs JSON answers with gzip for clients that accept it. Only answers to reads: what a write answers may hold a
// secret beside text that somebody else chose, and the length of the packed bytes would tell of it. Streams and files
// stay as they are.
#pragma once
#include "async/thread_pool.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

namespace millrace::http {

// JSON of a kilobyte or more that answers a read.
bool may_be_packed(const Request& request, const Response& response);

// Of such an answer: sets Vary, and packs it where the client accepts gzip. A strong ETag becomes a weak one, since the
// packed bytes are other bytes. Large ones are packed on `pool`, and sent as they are when it is full.
awaitable<void> pack_answer(const Request& request, Response& response, async::ThreadPool& pool);

} // namespace millrace::http
