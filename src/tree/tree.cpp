#include "tree/tree.h"

#include <utility>

namespace msb::tree {

Extra& Inode::need_extra() {
  if (!extra) extra = std::make_unique<Extra>();
  return *extra;
}

const std::string& Inode::target() const {
  static const std::string kEmpty;
  return extra ? extra->target : kEmpty;
}

const std::vector<Xattr>& Inode::xattrs() const {
  static const std::vector<Xattr> kEmpty;
  return extra ? extra->xattrs : kEmpty;
}

Tree::Tree() {
  add(Kind::directory);
  root().mode = 0755;
  root().links = 1;
  root().implicit = true;
}

Id Tree::add(Kind kind) {
  const Id id = static_cast<Id>(inodes_.size());
  Inode& inode = inodes_.emplace_back();
  inode.kind = kind;
  if (kind == Kind::directory) inode.children = std::make_unique<Children>();
  return id;
}

Id Tree::child(Id directory, std::string_view name) const {
  const auto& children = *at(directory).children;
  const auto it = children.find(name);
  return it == children.end() ? kNone : it->second;
}

void Tree::link(Id directory, std::string_view name, Id id) {
  ++at(id).links;
  auto& children = *at(directory).children;
  const auto it = children.lower_bound(name);
  if (it != children.end() && it->first == name) {
    drop(std::exchange(it->second, id));
  } else {
    children.emplace_hint(it, name, id);
  }
}

bool Tree::unlink(Id directory, std::string_view name) {
  auto& children = *at(directory).children;
  const auto it = children.find(name);
  if (it == children.end()) return false;
  const Id id = it->second;
  children.erase(it);
  drop(id);
  return true;
}

void Tree::clear(Id directory) {
  const auto children = std::exchange(*at(directory).children, {});
  for (const auto& [name, id] : children) drop(id);
}

Id Tree::find(std::string_view path) const {
  Id id = kRoot;
  while (!path.empty()) {
    if (at(id).kind != Kind::directory) return kNone;
    const size_t slash = path.find('/');
    id = child(id, path.substr(0, slash));
    if (id == kNone || slash == std::string_view::npos) return id;
    path.remove_prefix(slash + 1);
  }
  return id;
}

void Tree::drop(Id id) {
  // Depth is bounded by the ingest limit, but a list costs nothing and needs no such argument.
  std::vector<Id> todo{id};
  while (!todo.empty()) {
    Inode& inode = at(todo.back());
    todo.pop_back();
    if (--inode.links != 0 || inode.kind != Kind::directory) continue;
    for (const auto& [name, below] : *inode.children) todo.push_back(below);
    inode.children->clear();
  }
}

}  // namespace msb::tree
