#pragma once

#include <cstdint>

#include "base/call.h"
#include "image/context.h"

namespace msb::image {

enum class Thoroughness {
  cheap,  ///< only where a process of ours has died at work; costs one look at the leases else
  full,   ///< whatever anybody has left behind, in the cache and beside artifacts and sandboxes
};

/// Finishes or removes what processes that died had begun, and returns how many things it put right. Work of the
/// living, and files younger than an hour that nobody owns, are left alone.
Result<uint32_t> recover(const Context& context, Thoroughness thoroughness, const Call& call);

}  // namespace msb::image
