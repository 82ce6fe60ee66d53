#pragma once

#include "base/call.h"
#include "base/result.h"
#include "erofs/layout.h"
#include "os/file.h"
#include "tree/tree.h"

namespace msb::erofs {

/// Compares everything in a layer file but the bodies of regular files with what write_layer() would write for the
/// tree: inodes, names, attributes, targets, and that what lies between bodies is zero. `layout` is plan_layer() of the
/// tree. `scratch` is an empty file for the expected metadata. image_invalid with the fact `offset` of the first
/// difference.
Done check_layer_metadata(const tree::Tree& tree, const Layout& layout, const os::File& file, const os::File& scratch,
                          const Call& call);

}  // namespace msb::erofs
