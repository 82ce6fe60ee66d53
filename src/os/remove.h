#pragma once

#include <string>

#include "base/call.h"
#include "os/file.h"

namespace msb::os {

/// Removes `name` (one component) below the open directory `dir`, with everything in it. Never follows a symlink and
/// never enters another filesystem; directories whose mode forbids it are opened up. Uses two descriptors and little
/// memory however deep the tree is. What is missing, or vanishes meanwhile, counts as removed. Stops at the first
/// failure, with the path that resists in the message.
Done remove_tree(const File& dir, const std::string& name, const Call& call);

}  // namespace msb::os
