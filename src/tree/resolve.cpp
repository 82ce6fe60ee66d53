#include "tree/resolve.h"

#include <string>
#include <vector>

namespace msb::tree {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel
constexpr size_t kMaxDepth = 256;

/// Adds the components of a path to a stack, the first on top.
void push_components(std::vector<std::string>& stack, std::string_view path) {
  while (!path.empty()) {
    const size_t slash = path.rfind('/');
    const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (!last.empty() && last != ".") stack.emplace_back(last);
    path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
}

/// find_missing(directory, name) says what to do about a name that is not there: an Id, or kNone to give up.
template <typename FindMissing>
Id resolve_directory(const Tree& tree, std::string_view path, FindMissing find_missing) {
  std::vector<Id> trail{kRoot};
  std::vector<std::string> todo;
  push_components(todo, path);
  int links = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (name == "..") {
      if (trail.size() > 1) trail.pop_back();
      continue;
    }
    Id id = tree.child(trail.back(), name);
    if (id == kNone) id = find_missing(trail.back(), name);
    if (id == kNone) return kNone;
    if (tree.at(id).kind == Kind::symlink) {
      if (++links > kMaxLinks) return kNone;
      const std::string& target = tree.at(id).target();
      if (target.starts_with('/')) trail.resize(1);
      push_components(todo, target);
    } else if (tree.at(id).kind == Kind::directory && trail.size() < kMaxDepth) {
      trail.push_back(id);
    } else {
      return kNone;
    }
  }
  return trail.back();
}

}  // namespace

Id resolve_name(const Tree& tree, std::string_view path) {
  const size_t slash = path.rfind('/');
  const std::string_view parent = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  const Id directory = resolve_directory(tree, parent, [](Id, const std::string&) { return kNone; });
  return directory == kNone ? kNone : tree.child(directory, path.substr(slash + 1));
}

Id make_directories(Tree& tree, std::string_view path) {
  return resolve_directory(tree, path, [&](Id directory, const std::string& name) {
    const Id id = tree.add(Kind::directory);
    tree.at(id).mode = 0755;
    tree.at(id).implicit = true;
    tree.link(directory, name, id);
    return id;
  });
}

}  // namespace msb::tree
