#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/call.h"
#include "digest/digest.h"
#include "image/context.h"
#include "tree/tree.h"

namespace msb::image {

/// A layer of an image by its file in the cache.
struct AssembledLayer {
  Digest diff_id;
  uint64_t size = 0;  ///< of the layer file
};

/// Which of the files had not been there.
struct Assembled {
  bool fresh_fsmeta = false;
  bool fresh_vmdk = false;
};

/// Makes the two files that turn the layers of a manifest into one disk: its fsmeta, from the merged tree (whose inodes
/// have the position of their layer as `source`), and the VMDK that joins it with the layer files. Under the fsmeta
/// lock; files that already say the same stay as they are, others are replaced: fsmeta files of microsandbox cannot
/// show all that a layer says.
Result<Assembled> assemble(const Context& context, const Digest& manifest, const tree::Tree& merged,
                           std::span<const AssembledLayer> layers, const Call& call);

/// The VMDK that joins an fsmeta of `fsmeta_size` bytes with those layers. It names files relative to its own folder,
/// so that it holds in every cache.
Result<std::string> vmdk_text(const Digest& manifest, uint64_t fsmeta_size, std::span<const AssembledLayer> layers);

}  // namespace msb::image
