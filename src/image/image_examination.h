#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/call.h"
#include "digest/digest.h"
#include "image/context.h"

namespace msb::image {

/// A layer of an image as it lies in the cache.
struct PlacedLayer {
  Digest diff_id;
  uint64_t blocks = 0;  ///< of its file
};

/// What is wrong with the fsmeta of a manifest over these layers; nothing when all is well.
Result<std::optional<std::string>> examine_fsmeta(const Context& context, const Digest& manifest,
                                                  std::span<const PlacedLayer> layers);
/// Likewise of the VMDK, which must join that very fsmeta and those very layer files.
Result<std::optional<std::string>> examine_vmdk(const Context& context, const Digest& manifest,
                                                std::span<const PlacedLayer> layers);

/// Makes fsmeta and VMDK anew from the layers. Fails with image_invalid when one of them is missing or damaged.
Done rebuild_image(const Context& context, const Digest& manifest, std::span<const Digest> diff_ids, const Call& call);

}  // namespace msb::image
