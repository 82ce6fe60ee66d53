#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "archive/tar_entry.h"
#include "tree/tree.h"

namespace msb::archive {

/// `path` without `.` and empty components and without leading and trailing slashes; empty for the root. Refuses `..`,
/// so nothing can point outside, and what is beyond the limits.
Result<std::string> normalise_path(std::string_view path, const TarLimits& limits);

/// Makes the tree of a layer from its members, in the order of the tar. The tree holds two things at once:
/// - what microsandbox puts into its layer file for the same tar (formats/images.md §5.1), byte for byte where it
/// accepts
///   the tar and makes sense of it;
/// - what the layer means by the OCI image specification, for the merge: see `opaque`, `merge_only`, `implicit` and the
///   note on names that begin with `.wh.` in tree/tree.h.
/// FORMAT.md lists where the two part and where we accept what microsandbox refuses.
class LayerTree {
 public:
  explicit LayerTree(const TarLimits& limits) : limits_(limits) {}

  /// Adds a member. Returns the regular file that its content belongs to, or kNone when its content, if any, belongs to
  /// nothing. Failures name the member.
  Result<tree::Id> add(const TarEntry& entry);

  tree::Tree& tree() { return tree_; }

 private:
  struct Place {
    tree::Id directory = tree::kRoot;
    std::string name;
  };

  Result<tree::Id> add_member(const TarEntry& entry);
  Result<Place> make_place(std::string_view path);
  Result<tree::Id> follow(std::string_view path);
  Result<tree::Id> enter(tree::Id directory, std::string_view name);
  Result<tree::Id> make(tree::Kind kind);
  Done count_text(size_t size);
  Done describe(tree::Id id, const TarEntry& entry);
  Done add_root(const TarEntry& entry);
  Done add_directory(const Place& place, const TarEntry& entry);
  Done add_hard_link(const Place& place, const TarEntry& entry);
  Done add_marker(const Place& place, const TarEntry& entry, bool in_layer_file);
  Done add_whiteout(const Place& place, const TarEntry& entry, bool in_layer_file);
  Done link(const Place& place, tree::Id id);

  const TarLimits limits_;
  tree::Tree tree_;
  uint64_t text_ = 0;
  uint64_t followed_ = 0;
};

}  // namespace msb::archive
