#pragma once

#include "base/call.h"
#include "image/context.h"
#include "snapshot/import_stage.h"

namespace msb::snapshot {

using image::Context;

/// Puts the images that the snapshots of a staged archive pin into the cache, as far as the archive has them and they
/// can be proven. What cannot is left out, and the log says how to get it.
/// @retval Status::image_invalid  an image contradicts its digests
Done import_image(const Context& context, const StagedArchive& staged, const Call& call);

}  // namespace msb::snapshot
