#pragma once

#include <cstdint>

#include "base/call.h"
#include "image/context.h"

namespace msb::snapshot {

using image::Context;

/// Finishes or removes what died while it was creating, importing, translating or removing snapshots, in the snapshots
/// directory and wherever indexed ones are, and brings the index in line with the snapshots directory. Returns how many
/// things it put right. Work of the living is left alone.
Result<uint32_t> recover(const Context& context, const Call& call);

}  // namespace msb::snapshot
