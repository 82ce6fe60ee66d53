#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "image/ingest.h"
#include "index/images.h"
#include "oci/platform.h"

namespace msb::image {

struct LoadRequest {
  std::string path;                       ///< file or directory; empty to read `fd`
  int fd = -1;                            ///< stays open
  std::vector<std::string> tags;          ///< more names for the first image
  std::optional<oci::Platform> platform;  ///< absent: this machine's
  Keep keep = Keep::recipe;
  archive::TarLimits limits = archive::layer_limits();
};

/// Puts the images of an archive into the cache, all of them or none: see msb_image_load(). Returns a row for each
/// reference, in the order of the archive.
Result<std::vector<index::ImageRow>> load(const Context& context, const LoadRequest& request, const Call& call);

}  // namespace msb::image
