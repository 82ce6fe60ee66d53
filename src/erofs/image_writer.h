#pragma once

#include <cstdint>
#include <vector>

#include "base/call.h"
#include "base/result.h"
#include "erofs/layout.h"
#include "os/file.h"
#include "tree/tree.h"
#include "tree/walk.h"

namespace msb::erofs {

/// Writes forward through a file in large pieces; what it skips stays a hole.
class ForwardWriter {
 public:
  ForwardWriter(const os::File& file, uint64_t offset) : file_(file), offset_(offset) {}

  uint64_t offset() const { return offset_ + buffer_.size(); }
  Done append(Bytes bytes);
  /// Goes on at `offset`, which is not behind.
  Done seek(uint64_t offset);
  Done flush();

 private:
  const os::File& file_;
  uint64_t offset_;  // where the buffer's first byte goes
  std::vector<std::byte> buffer_;
};

/// The part that layer and fsmeta files have in common: inodes, attributes, directories, symlinks and the superblock.
/// The file must be empty at first. Memory does not grow with the tree.
class ImageWriter {
 public:
  ImageWriter(const tree::Tree& tree, const Layout& layout, const os::File& out);

  /// Writes everything but what regular files hold; calls body(walk, placement) for each that holds any, in the order
  /// of placement, with metadata() behind the inode and its attributes.
  template <typename Body>
  Done write(const Call& call, Body body) {
    uint64_t visited = 0;
    for (tree::Walk walk(tree_); walk.next();) {
      if (visited++ % 1024 == 0) MSB_CHECK(call.check());
      if (!is_next(walk.id())) continue;
      MSB_CHECK(put_inode(walk.id(), walk.parent()));
      const tree::Inode& inode = tree_.at(walk.id());
      if (inode.kind == tree::Kind::regular && inode.size != 0) MSB_CHECK(body(walk, layout_.placements[walk.id()]));
    }
    MSB_CHECK(metadata_.flush());
    return data_.flush();
  }

  ForwardWriter& metadata() { return metadata_; }

  /// Sets the file's size and writes the first blocks: `head` has Layout::meta_block blocks, complete but for the
  /// superblock.
  Done finish(std::vector<std::byte> head, uint32_t feature_incompat, uint16_t devices);

 private:
  bool is_next(tree::Id id);
  Done put_inode(tree::Id id, tree::Id parent);
  Done put_directory(tree::Id id, tree::Id parent, const Placement& placement);
  Done put_block(Bytes bytes, uint64_t offset, const Placement& placement);
  Done put_end(Bytes bytes, uint64_t offset, const Placement& placement);

  const tree::Tree& tree_;
  const Layout& layout_;
  const os::File& out_;
  ForwardWriter metadata_;
  ForwardWriter data_;
  uint64_t next_nid_ = 0;
};

}  // namespace msb::erofs
