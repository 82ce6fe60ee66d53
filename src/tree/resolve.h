#pragma once

#include <string_view>

#include "tree/tree.h"

namespace msb::tree {

/// The inode of a path as a process with the tree for its root would find it: symbolic links on the way are followed,
/// inside the tree whatever they say; one at the end is not. kNone when there is none.
Id resolve_name(const Tree& tree, std::string_view path);

/// Follows `path` to a directory, a symbolic link at the end too, and makes what is missing (root's, 0755, of time 0).
/// kNone when something else than a directory is in the way, links lead in circles, or it gets too deep.
Id make_directories(Tree& tree, std::string_view path);

}  // namespace msb::tree
