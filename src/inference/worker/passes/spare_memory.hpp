// Whether this process can still get memory: a model may have taken all that the worker is allowed, and keep it. Any
// thread.
#pragma once

namespace millrace::inference::worker {

// False: an ordinary pass, with the threads that it may start, would find none. What the allocator holds free is not
// counted.
bool has_spare_memory();

} // namespace millrace::inference::worker
