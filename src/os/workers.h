#pragma once

#include <cstddef>
#include <functional>

#include "base/call.h"

namespace msb::os {

/// Processors this process may use, at least 1.
unsigned processor_count();

/// Runs work(i, part) for every i below `count` on up to `threads` threads, begun in order of i, and returns when all
/// have ended. The calling thread hands out progress meanwhile. When one fails, no more are begun and the others are
/// stopped through `part`, the Call they are given; the failure of the lowest i is returned, a stop only when nothing
/// else failed. Whatever `work` throws becomes Status::internal. With one thread, or one item, `work` runs right here.
Done parallel_for_each(size_t count, unsigned threads, const Call& call,
                       const std::function<Done(size_t, const Call& part)>& work);

/// Runs `work`, and turns what it throws into a failure: no exception may leave a thread.
Done catching(const std::function<Done()>& work);

}  // namespace msb::os
