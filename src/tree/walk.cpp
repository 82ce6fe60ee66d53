#include "tree/walk.h"

namespace msb::tree {

bool Walk::next() {
  if (id_ == kNone) {
    id_ = kRoot;
    return true;
  }
  if (tree_.at(id_).kind == Kind::directory) stack_.push_back({id_, name_, tree_.at(id_).children->begin()});
  while (!stack_.empty()) {
    Level& level = stack_.back();
    if (level.next != tree_.at(level.directory).children->end()) {
      name_ = level.next->first;
      id_ = level.next->second;
      ++level.next;
      return true;
    }
    stack_.pop_back();
  }
  return false;
}

std::string Walk::path() const {
  std::string path;
  for (size_t i = 1; i < stack_.size(); ++i) path.append(stack_[i].name).push_back('/');
  return path.append(name_);
}

}  // namespace msb::tree
