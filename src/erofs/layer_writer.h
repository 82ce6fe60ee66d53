#pragma once

#include "base/call.h"
#include "base/result.h"
#include "erofs/layout.h"
#include "os/file.h"
#include "tree/tree.h"

namespace msb::erofs {

/// Writes the layer file of a tree, the bytes that microsandbox writes for the same tar, into the empty file `out`.
/// `layout` is plan_layer() of the tree; the regular files' bodies lie in `spool` where their inodes say: each at a
/// multiple of 4096 and followed by zeros (or a hole) up to the next, so that neighbours are copied at one go. Holes of
/// sparse files stay holes. Bodies are copied inside the kernel, and shared where the file system can. Does not sync.
Done write_layer(const tree::Tree& tree, const Layout& layout, const os::File& spool, const os::File& out,
                 const Call& call);

/// Turns the spool itself into the layer file, which copies no body: room for metadata is inserted before and between
/// them (half the time and the page cache of write_layer() on ext4). That takes bodies in the order of the layer, as
/// tars made by container engines have them, large enough in the whole for it to pay, and a file system that can
/// insert. False when one of these is missing; the spool has its bodies still. After a failure it is of no use. Does
/// not sync.
Result<bool> convert_spool(const tree::Tree& tree, const Layout& layout, const os::File& spool, const Call& call);

}  // namespace msb::erofs
