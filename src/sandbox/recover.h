#pragma once

#include <cstdint>

#include "base/call.h"
#include "image/context.h"

namespace msb::sandbox {

/// Takes away what creates and removes that were killed have left in the sandboxes directory, and returns how many
/// things that were. Never touches a directory that has a record, nor one that was not marked by us (FORMAT.md).
Result<uint32_t> recover(const image::Context& context, const Call& call);

}  // namespace msb::sandbox
