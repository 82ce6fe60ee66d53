#include "erofs/layout.h"

#include <string>

#include "erofs/dirent.h"
#include "erofs/xattr.h"
#include "tree/walk.h"

namespace msb::erofs {
namespace {

using tree::Id;
using tree::Inode;
using tree::Kind;
using tree::Tree;
using tree::Walk;

Error invalid(const Walk& walk, const std::string& what) {
  const std::string member = walk.path();
  return Error(Status::image_invalid, member + ": " + what).with("member", member);
}

class Planner {
 public:
  Planner(const Tree& tree, Flavor flavor, uint32_t meta_block) : tree_(tree) {
    layout_.flavor = flavor;
    layout_.meta_block = meta_block;
    layout_.placements.resize(tree.inode_count());
  }

  Result<Layout> run(const Call& call) {
    for (Walk walk(tree_); walk.next();) {
      if (layout_.inodes % 4096 == 0) MSB_CHECK(call.check());
      if (walk.name().size() > kNameMax) return invalid(walk, "name is longer than 255 bytes");
      if (tree_.at(walk.id()).merge_only) continue;
      if (layout_.placements[walk.id()].nid != kUnplaced) continue;  // another name of a placed inode
      MSB_CHECK(place(walk));
    }
    return finish();
  }

 private:
  /// Size of the data that goes into this file, or the reason why it cannot.
  Result<uint64_t> data_size(const Walk& walk) const {
    const Inode& inode = tree_.at(walk.id());
    switch (inode.kind) {
      case Kind::regular:
        return layout_.flavor == Flavor::layer ? inode.size : 0;
      case Kind::symlink:
        if (inode.target().empty()) return invalid(walk, "symbolic link without a target");
        if (inode.target().size() > kBlock) return invalid(walk, "symbolic link target is longer than 4096 bytes");
        return inode.target().size();
      case Kind::directory: {
        DirentPacking packing;
        for_each_dirent(tree_, walk.id(), walk.parent(), [&](std::string_view name, Id) { packing.add(name.size()); });
        return packing.size();
      }
      default:
        return uint64_t{0};
    }
  }

  Done place(const Walk& walk) {
    const Inode& inode = tree_.at(walk.id());
    auto xattr_size = xattr_area_size(stored_xattrs(inode, layout_.flavor));
    if (!xattr_size) return std::move(xattr_size).error().in(walk.path()).with("member", walk.path());
    MSB_TRY(const uint64_t size, data_size(walk));

    offset_ = align_up(offset_, kSlot);
    if (offset_ / kSlot >= kUnplaced) return invalid(walk, "more metadata than the format can hold");
    Placement& placement = layout_.placements[walk.id()];
    placement.nid = static_cast<uint32_t>(offset_ / kSlot);
    ++layout_.inodes;

    const uint64_t base = kInodeSize + *xattr_size;
    if (inode.kind == Kind::regular && layout_.flavor == Flavor::fsmeta) {
      offset_ += chunk_table_offset(*xattr_size) + kChunkSize * ceil_div(inode.size, kBlock);
      return {};
    }
    // An end of a block stays with the inode if both fit the rest of the inode's block; bodies of files never do, so
    // that each begins at a block of its own.
    const uint64_t tail = size % kBlock;
    const uint64_t room = kBlock - offset_ % kBlock;
    if (tail != 0 && inode.kind != Kind::regular && base + tail <= room) placement.tail = static_cast<uint32_t>(tail);
    const uint64_t blocks = ceil_div(size - placement.tail, kBlock);
    if (blocks != 0) placement.block = static_cast<uint32_t>(data_blocks_);
    data_blocks_ += blocks;
    if (data_blocks_ >= kNullBlock) return invalid(walk, "more data than the format can hold (16 TiB)");
    offset_ += base + placement.tail;
    return {};
  }

  Result<Layout> finish() {
    const uint64_t data_block = layout_.meta_block + ceil_div(offset_, kBlock);
    if (data_block + data_blocks_ >= kNullBlock) {
      return Error(Status::image_invalid, "file tree is larger than an EROFS file can hold (16 TiB)");
    }
    layout_.data_block = static_cast<uint32_t>(data_block);
    layout_.blocks = static_cast<uint32_t>(data_block + data_blocks_);
    for (Placement& placement : layout_.placements) {
      if (placement.block != kNullBlock) placement.block += layout_.data_block;
    }
    return std::move(layout_);
  }

  const Tree& tree_;
  Layout layout_;
  uint64_t offset_ = 0;       // from the beginning of the metadata
  uint64_t data_blocks_ = 0;  // counted from the first after the metadata
};

}  // namespace

Result<Layout> plan_layer(const Tree& tree, const Call& call) { return Planner(tree, Flavor::layer, 1).run(call); }

Result<Layout> plan_fsmeta(const Tree& tree, size_t devices, const Call& call) {
  if (devices > UINT16_MAX) {
    return Error(Status::image_invalid, "more than 65535 layers");
  }
  const auto head = static_cast<uint32_t>(ceil_div(kDeviceTable + devices * kDeviceSlot, kBlock));
  return Planner(tree, Flavor::fsmeta, head).run(call);
}

void refer_to_layer(Tree& tree, const Layout& layout) {
  for (size_t id = 0; id < layout.placements.size(); ++id) {
    const Placement& placement = layout.placements[id];
    Inode& inode = tree.at(static_cast<Id>(id));
    if (placement.nid == kUnplaced || inode.kind != Kind::regular) continue;
    inode.data_offset = placement.block == kNullBlock ? 0 : placement.block * kBlock;
    if (!inode.extra) continue;
    for (tree::Run& run : inode.extra->runs) run.stored = run.logical;
  }
}

std::span<const tree::Xattr> stored_xattrs(const Inode& inode, Flavor flavor) {
  if (flavor == Flavor::fsmeta) return inode.xattrs();
  if (inode.opaque_mark) return opaque_xattr();
  return {};
}

}  // namespace msb::erofs
