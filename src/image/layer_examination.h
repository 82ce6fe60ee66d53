#pragma once

#include <cstdint>
#include <string>

#include "base/call.h"
#include "digest/digest.h"
#include "image/context.h"

namespace msb::image {

/// What a look at a layer in the cache has shown.
struct LayerFinding {
  bool missing = false;
  std::string damage;         ///< what is wrong with the layer file; empty when nothing was found
  std::string recipe_damage;  ///< likewise of its recipe; without one there is nothing to be wrong
  uint64_t blocks = 0;        ///< of the layer file
  uint64_t device = 0;        ///< which file was looked at, like the next two
  uint64_t inode = 0;
  int64_t changed = 0;  ///< its change time

  bool usable() const { return !missing && damage.empty(); }
};

/// Looks at a layer file and its recipe: superblock, size and root inode, and the recipe's own hash. With `deep` proves
/// the file: by its recipe the tar must hash to the diff ID, and the metadata must be those that the tar makes; without
/// one its structure must be sound.
Result<LayerFinding> examine_layer(const Context& context, const Digest& diff_id, bool deep, const Call& call);

/// Moves a damaged layer file out of everybody's way, to `layers/<name>.erofs.corrupt-<16 hex>`, under the lock of its
/// writers. False when it is not the file any more that was examined. Its recipe stays: it knows what is right.
Result<bool> set_layer_aside(const Context& context, const Digest& diff_id, const LayerFinding& finding,
                             const Call& call);

}  // namespace msb::image
