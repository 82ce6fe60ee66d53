#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "os/file.h"
#include "tree/tree.h"

namespace msb::test {

/// Builds the tree of a layer by hand, with file bodies in a spool as archives are read into one. Parents must exist.
class TreeBuilder {
 public:
  static constexpr int64_t kTime = 1'700'000'000;

  TreeBuilder() : spool_(std::move(*os::File::temporary(os::real_fs(), testing::TempDir()))) {}

  tree::Tree& tree() { return tree_; }
  const os::File& spool() const { return spool_; }
  tree::Inode& at(std::string_view path) { return tree_.at(tree_.find(path)); }

  tree::Inode& add(tree::Kind kind, std::string_view path, uint16_t mode) {
    const tree::Id id = tree_.add(kind);
    place(path, id);
    tree::Inode& inode = tree_.at(id);
    inode.mode = mode;
    inode.mtime = inode.header_mtime = kTime;
    return inode;
  }
  tree::Inode& directory(std::string_view path, uint16_t mode = 0755) { return add(tree::Kind::directory, path, mode); }
  tree::Inode& implicit(std::string_view path) {
    tree::Inode& inode = directory(path);
    inode.implicit = true;
    inode.mtime = inode.header_mtime = 0;
    return inode;
  }
  tree::Inode& file(std::string_view path, std::string_view content, uint16_t mode = 0644) {
    tree::Inode& inode = add(tree::Kind::regular, path, mode);
    inode.size = content.size();
    inode.data_offset = store(content);
    return inode;
  }
  tree::Inode& symlink(std::string_view path, std::string_view target) {
    tree::Inode& inode = add(tree::Kind::symlink, path, 0777);
    inode.need_extra().target = target;
    return inode;
  }
  tree::Inode& whiteout(std::string_view path) { return add(tree::Kind::character, path, 0644); }
  void hard_link(std::string_view path, std::string_view target) { place(path, tree_.find(target)); }
  /// A hard link to a file of the layers below.
  tree::Inode& lower_link(std::string_view path, std::string_view target) {
    tree::Inode& inode = add(tree::Kind::regular, path, 0644);
    inode.merge_only = true;
    inode.need_extra().link_target = target;
    return inode;
  }

  /// Puts bytes into the spool, at a multiple of 4096.
  uint64_t store(std::string_view content) {
    const uint64_t at = end_;
    EXPECT_TRUE(spool_.write_at(as_bytes(content), at).ok());
    end_ = align_up(end_ + content.size(), uint64_t{4096});
    EXPECT_TRUE(spool_.truncate(end_).ok());
    return at;
  }

 private:
  void place(std::string_view path, tree::Id id) {
    const size_t slash = path.rfind('/');
    const tree::Id parent = slash == std::string_view::npos ? tree::kRoot : tree_.find(path.substr(0, slash));
    ASSERT_NE(parent, tree::kNone) << path;
    tree_.link(parent, path.substr(slash == std::string_view::npos ? 0 : slash + 1), id);
  }

  tree::Tree tree_;
  os::File spool_;
  uint64_t end_ = 0;
};

}  // namespace msb::test
