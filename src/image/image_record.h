#pragma once

#include <span>

#include "digest/digest.h"
#include "image/assemble.h"
#include "index/images.h"
#include "oci/config.h"
#include "oci/manifest.h"

namespace msb::image {

/// What the index stores about an image whose layers are in the cache: `layers` are those of the manifest.
index::ImageRecord make_record(const Digest& digest, const oci::Manifest& manifest, const oci::ImageConfig& config,
                               std::span<const AssembledLayer> layers);

}  // namespace msb::image
