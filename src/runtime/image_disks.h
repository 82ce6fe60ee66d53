#pragma once

#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "runtime/machine.h"

namespace msb::runtime {

/// The disks that make up an image, as the descriptor that joins them says: its merged metadata, then its layers. They
/// are in the cache, wherever that was when the descriptor was written.
/// @retval Status::image_not_found  one of them is missing; fact `path`
/// @retval Status::image_invalid    one of them is not what the descriptor says, or there are too many
Result<std::vector<Disk>> image_disks(const image::Context& context, const std::string& manifest_digest);

}  // namespace msb::runtime
