#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "digest/digest.h"
#include "image/context.h"
#include "oci/cache_record.h"
#include "os/file.h"

namespace msb::image {

/// A layer as somebody else's cache had it. Files that are not there are null; they outlive the work.
struct ShippedLayer {
  Digest diff_id;
  const os::File* file = nullptr;    ///< EROFS
  const os::File* recipe = nullptr;  ///< what proves it
};

/// An image on its way from another cache.
struct ShippedImage {
  std::string reference;
  oci::CacheRecord document;
  std::vector<ShippedLayer> layers;  ///< of the document
};

/// Puts an image into the cache that comes as the files of another one. Nothing of it is taken on trust: manifest and
/// configuration must have their digests, and every layer that is not here already is told as a tar from its file and
/// its recipe, or from its file alone, which must hash to the diff ID, and made anew from that tar; so are fsmeta and
/// VMDK. The reference comes to mean the image, unless it means another one here: then its spelling by digest does.
///
/// Nothing when the image is here. Else why it cannot be proven, as that of microsandbox mostly cannot; then nothing
/// has changed.
/// @retval Status::image_invalid  it contradicts its digests, or is malformed
Result<std::optional<std::string>> install(const Context& context, const ShippedImage& image, const Call& call);

}  // namespace msb::image
