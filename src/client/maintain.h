#pragma once

#include <cstdint>
#include <vector>

#include "base/call.h"
#include "image/check.h"
#include "image/context.h"

namespace msb::client {

/// Finishes or removes what processes that died had begun anywhere in the home: sandboxes, then snapshots, then the
/// cache, whose contents the other two decide about. Returns how many things it put right.
Result<uint32_t> recover(const image::Context& context, const Call& call);

/// Everything that is wrong with the home: its snapshots first, because what is put right there decides which images
/// are needed, then its cache.
Result<std::vector<image::Problem>> check(const image::Context& context, const image::CheckOptions& options,
                                          const Call& call);

}  // namespace msb::client
