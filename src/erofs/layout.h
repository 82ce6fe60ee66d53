#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/call.h"
#include "base/result.h"
#include "erofs/format.h"
#include "tree/tree.h"

namespace msb::erofs {

/// Which file a tree becomes. A `layer` holds file bodies, and of the metadata what microsandbox's layers can hold; an
/// `fsmeta` holds all metadata, and refers to bodies in layer files.
enum class Flavor : uint8_t { layer, fsmeta };

inline constexpr uint32_t kUnplaced = UINT32_MAX;

struct Placement {
  uint32_t nid = kUnplaced;
  uint32_t block = kNullBlock;  ///< first data block in the file
  uint32_t tail = 0;            ///< bytes of the data's end that follow the inode
};

/// Where each inode and its data lie. The same tree always gives the same layout, byte for byte the one of
/// microsandbox: fsmeta files on this machine store block numbers into layer files (formats/images.md §5.2, R1).
struct Layout {
  Flavor flavor = Flavor::layer;
  uint32_t meta_block = 1;
  uint32_t data_block = 0;  ///< the first after the metadata
  uint32_t blocks = 0;      ///< of the whole file
  uint64_t inodes = 0;
  std::vector<Placement> placements;  ///< by tree::Id; inodes without a name are unplaced

  uint64_t file_size() const { return blocks * kBlock; }
};

/// Plans the layer file of a tree. Needs no file bodies: a tree that was read again from the recipe gives the same
/// plan. Fails with image_invalid, naming the member, when the format cannot hold the tree.
Result<Layout> plan_layer(const tree::Tree& tree, const Call& call);
/// Plans the fsmeta file of a merged tree over `devices` layers.
Result<Layout> plan_fsmeta(const tree::Tree& tree, size_t devices, const Call& call);

/// Makes the regular files of the tree refer to the layer file, in place of the spool they were read into.
void refer_to_layer(tree::Tree& tree, const Layout& layout);

/// The extended attributes that the flavor stores for an inode.
std::span<const tree::Xattr> stored_xattrs(const tree::Inode& inode, Flavor flavor);

/// Offset of a regular file's chunk table in its inode; the kernel wants it aligned.
constexpr uint64_t chunk_table_offset(uint64_t xattr_size) { return align_up(kInodeSize + xattr_size, uint64_t{8}); }

}  // namespace msb::erofs
