#pragma once

#include <cstdint>

#include "base/call.h"
#include "image/context.h"

namespace msb::image {

/// Removes layers that no image in the index refers to, rows and files, and nothing else. References and images stay.
/// Returns the number of layers.
Result<uint32_t> gc_layers(const Context& context, const Call& call);

/// Removes everything that no reference, sandbox, snapshot or work in flight needs. References stay. Returns the number
/// of things: manifests, layers and files of other kinds.
Result<uint32_t> gc(const Context& context, const Call& call);

}  // namespace msb::image
