#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tree/tree.h"

namespace msb::tree {

/// Visits the names of a tree: a directory, then what is in it in bytewise order, each subdirectory at its place. An
/// inode with several names is visited under each. The tree must not change meanwhile.
class Walk {
 public:
  explicit Walk(const Tree& tree) : tree_(tree) {}

  /// Steps to the next name, the root first; false after the last.
  bool next();

  Id id() const { return id_; }
  Id parent() const { return stack_.empty() ? kRoot : stack_.back().directory; }
  std::string_view name() const { return name_; }  ///< empty for the root
  size_t depth() const { return stack_.size(); }   ///< 0 for the root
  /// From the root, without a leading slash; empty for the root.
  std::string path() const;

 private:
  struct Level {
    Id directory;
    std::string_view name;
    Children::const_iterator next;
  };
  const Tree& tree_;
  Id id_ = kNone;
  std::string_view name_;
  std::vector<Level> stack_;
};

}  // namespace msb::tree
