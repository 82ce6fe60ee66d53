#pragma once

#include <string_view>
#include <utility>

#include "erofs/format.h"
#include "tree/tree.h"

namespace msb::erofs {

/// Calls visit(name, id) for `.`, `..` and the children of a directory, all of them in bytewise order: names may sort
/// before the dots. Names that only merging knows are left out.
template <typename Visit>
void for_each_dirent(const tree::Tree& tree, tree::Id directory, tree::Id parent, Visit visit) {
  const tree::Children& children = *tree.at(directory).children;
  auto child = children.begin();
  const auto visit_child = [&] {
    if (!tree.at(child->second).merge_only) visit(std::string_view(child->first), child->second);
    ++child;
  };
  for (const auto& [dots, id] : {std::pair<std::string_view, tree::Id>(".", directory), {"..", parent}}) {
    while (child != children.end() && child->first.compare(dots) < 0) visit_child();
    visit(dots, id);
  }
  while (child != children.end()) visit_child();
}

/// Fills directory blocks greedily: entries from the front, names behind them, none across a block's end.
class DirentPacking {
 public:
  /// True when the entry begins a new block.
  bool add(size_t name_length) {
    const bool full = used_ + kDirentSize + name_length > kBlock;
    if (full) {
      ++full_blocks_;
      used_ = 0;
    }
    used_ += kDirentSize + name_length;
    return full;
  }
  /// Of the data so far: whole blocks, and as much of the last as is used.
  uint64_t size() const { return full_blocks_ * kBlock + used_; }

 private:
  uint64_t full_blocks_ = 0;
  uint64_t used_ = 0;
};

}  // namespace msb::erofs
