#pragma once

#include <cstdint>

#include "base/call.h"
#include "base/result.h"
#include "tree/tree.h"

namespace msb::tree {

/// Puts a layer on top of what the layers below it made, as OCI has it and container engines show it. Called bottom to
/// top on a tree that begins empty; uses the layer up, so that an inode is in memory once.
///
/// - A whiteout takes away what the layers below have under the name, and leaves nothing itself. An opaque directory
///   hides what they have inside; so may the root.
/// - A directory on a directory replaces its metadata and keeps its content; other things replace each other whole.
/// - A directory that the layer only implies says nothing: metadata stay, and where the layers below have a symbolic
///   link of that name, its content goes to where the link leads. A new one is root's, 0755, of time 0.
/// - A hard link may lead to a file of the layers below; image_invalid when there is none.
/// - Names that begin with `.wh.` and extended attributes of overlayfs are not part of an image.
///
/// `source` becomes Inode::source of the layer's regular files: its position in the image.
Done apply_layer(Tree& base, Tree layer, uint32_t source, const Call& call);

}  // namespace msb::tree
