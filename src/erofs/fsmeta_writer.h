#pragma once

#include <cstdint>
#include <span>

#include "base/call.h"
#include "base/result.h"
#include "erofs/layout.h"
#include "os/file.h"
#include "tree/tree.h"

namespace msb::erofs {

/// Writes the fsmeta file of a merged tree into the empty file `out`: all metadata of the image, with block numbers
/// into the layer files in place of bodies (formats/images.md §6). `layout` is plan_fsmeta() of the tree;
/// `layer_blocks` has the length in blocks of each layer file in the order of Inode::source, repeated layers repeated.
/// Fails with image_invalid, naming the member, when a file does not lie inside its layer. Does not sync.
///
/// For an image that microsandbox can express in full the bytes are those that microsandbox writes.
Done write_fsmeta(const tree::Tree& tree, const Layout& layout, std::span<const uint32_t> layer_blocks,
                  const os::File& out, const Call& call);

}  // namespace msb::erofs
