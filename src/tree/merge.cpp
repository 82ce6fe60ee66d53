#include "tree/merge.h"

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tree/resolve.h"
#include "tree/walk.h"

namespace msb::tree {
namespace {

constexpr int kLinkPasses = 40;  // links to links to …: tar writers make none, each pass settles one step

bool is_marker(std::string_view name) { return name.size() > 4 && name.starts_with(".wh."); }

std::string join(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : (directory + "/").append(name);
}

void drop_overlay_xattrs(Inode& inode) {
  if (!inode.extra) return;
  std::erase_if(inode.extra->xattrs, [](const Xattr& xattr) { return xattr.name.starts_with("trusted.overlay."); });
}

/// The layer removed the directory below and made a new one, instead of emptying it.
bool is_remade(const Inode& directory) { return directory.opaque && !directory.opaque_mark; }

class Merge {
 public:
  Merge(Tree& base, Tree& layer, uint32_t source, const Call& call)
      : base_(base), layer_(layer), source_(source), call_(call), first_new_(static_cast<Id>(base.inode_count())) {
    moved_.resize(layer.inode_count(), kNone);
  }

  Done run() {
    find_lower_targets();
    overlay_directory(kRoot, kRoot);
    todo_.push_back({kRoot, kRoot, ""});
    MSB_CHECK(drain());
    // What goes through symbolic links comes last: by now nothing of the layer can hide it.
    while (!through_links_.empty()) {
      const Step step = std::move(through_links_.back());
      through_links_.pop_back();
      MSB_CHECK(follow(step));
      MSB_CHECK(drain());
    }
    return place_links();
  }

 private:
  /// A directory of the layer, and where its content goes. In through_links_, `base` is the symbolic link's directory
  /// and `path` that of the link.
  struct Step {
    Id base;
    Id layer;
    std::string path;
  };
  struct Link {
    Id directory;
    Id layer;
    std::string path;
  };

  /// Hard links see the layers below as they were, whatever this layer does to the names.
  void find_lower_targets() {
    for (Walk walk(layer_); walk.next();) {
      const Inode& inode = layer_.at(walk.id());
      if (!inode.merge_only || inode.whiteout()) continue;
      const Id target = resolve_name(base_, inode.extra->link_target);
      if (target != kNone) lower_targets_.emplace(walk.id(), target);
    }
  }

  Done drain() {
    while (!todo_.empty()) {
      const Step step = std::move(todo_.back());
      todo_.pop_back();
      MSB_CHECK(merge_directory(step));
    }
    return {};
  }

  Done merge_directory(const Step& step) {
    const auto children = std::move(layer_.at(step.layer).children);
    for (const auto& [name, id] : *children) {
      if (++names_ % 1024 == 0) MSB_CHECK(call_.check());
      if (is_marker(name)) continue;
      Inode& inode = layer_.at(id);
      if (inode.whiteout()) {
        // Nothing of the layer itself is under the name, but for what came here through a symbolic link.
        const Id hidden = base_.child(step.base, name);
        if (hidden != kNone && hidden < first_new_) base_.unlink(step.base, name);
      } else if (inode.merge_only) {
        links_.push_back({step.base, id, join(step.path, name)});
      } else if (inode.kind == Kind::directory) {
        merge_child(step, name, id);
      } else {
        base_.link(step.base, name, move(id));
      }
    }
    return {};
  }

  void merge_child(const Step& step, const std::string& name, Id id) {
    const Inode& inode = layer_.at(id);
    const Id below = base_.child(step.base, name);
    std::string path = join(step.path, name);
    if (below != kNone && base_.at(below).kind == Kind::directory) {
      overlay_directory(below, id);
      todo_.push_back({below, id, std::move(path)});
    } else if (below != kNone && base_.at(below).kind == Kind::symlink && inode.implicit && !is_remade(inode)) {
      through_links_.push_back({step.base, id, std::move(path)});
    } else {
      todo_.push_back({add_directory(step.base, name, id), id, std::move(path)});
    }
  }

  /// Metadata and opacity of a layer's directory, upon a directory below it.
  void overlay_directory(Id below, Id id) {
    Inode& upper = layer_.at(id);
    if (upper.opaque) hide_lower(below);
    if (!upper.implicit || is_remade(upper)) take_metadata(base_.at(below), upper);
  }

  void hide_lower(Id directory) {
    std::vector<std::string> hidden;
    for (const auto& [name, id] : *base_.at(directory).children) {
      if (id < first_new_) hidden.push_back(name);
    }
    for (const std::string& name : hidden) base_.unlink(directory, name);
  }

  static void take_metadata(Inode& to, Inode& from) {
    to.implicit = from.implicit;
    to.mode = from.mode;
    to.uid = from.uid;
    to.gid = from.gid;
    to.mtime = from.mtime;
    to.mtime_nsec = from.mtime_nsec;
    to.header_mtime = from.header_mtime;
    to.extra = std::move(from.extra);
    drop_overlay_xattrs(to);
  }

  Id add_directory(Id parent, const std::string& name, Id id) {
    const Id added = base_.add(Kind::directory);
    take_metadata(base_.at(added), layer_.at(id));
    base_.link(parent, name, added);
    return added;
  }

  /// The inode's place in the merged tree; it moves there under its first name.
  Id move(Id id) {
    if (moved_[id] != kNone) return moved_[id];
    const Id added = moved_[id] = base_.add(layer_.at(id).kind);
    Inode& inode = base_.at(added) = std::move(layer_.at(id));
    inode.links = 0;
    if (inode.kind == Kind::regular) inode.source = source_;
    drop_overlay_xattrs(inode);
    return added;
  }

  Done follow(const Step& step) {
    // Links can make one name of the layer imply many directories.
    if (base_.inode_count() - first_new_ > 2 * moved_.size() + 4096) {
      return Error(Status::image_invalid, step.path + ": leads through symbolic links to too many missing directories")
          .with("member", step.path);
    }
    const Id target = make_directories(base_, step.path);
    if (target != kNone) {
      if (layer_.at(step.layer).opaque) hide_lower(target);
      todo_.push_back({target, step.layer, step.path});
      return {};
    }
    // A link that leads to no directory gives way, as a file of that name would.
    const std::string name = step.path.substr(step.path.rfind('/') + 1);
    todo_.push_back({add_directory(step.base, name, step.layer), step.layer, step.path});
    return {};
  }

  Done place_links() {
    for (int pass = 0; pass < kLinkPasses && !links_.empty(); ++pass) {
      std::vector<Link> left;
      for (Link& link : links_) {
        const Id target = target_of(link);
        if (target == kNone || base_.at(target).kind == Kind::directory) {
          left.push_back(std::move(link));
        } else {
          base_.link(link.directory, link.path.substr(link.path.rfind('/') + 1), target);
        }
      }
      MSB_CHECK(call_.check());
      const bool settled = left.size() == links_.size();
      links_ = std::move(left);
      if (settled) break;
    }
    if (links_.empty()) return {};
    const Link& link = links_.front();
    return Error(Status::image_invalid, link.path + ": hard link to " + layer_.at(link.layer).extra->link_target +
                                            ", which is not a file there")
        .with("member", link.path);
  }

  Id target_of(const Link& link) {
    const auto lower = lower_targets_.find(link.layer);
    return lower != lower_targets_.end() ? lower->second
                                         : resolve_name(base_, layer_.at(link.layer).extra->link_target);
  }

  Tree& base_;
  Tree& layer_;
  const uint32_t source_;
  const Call& call_;
  const Id first_new_;     // smaller ones are of the layers below
  std::vector<Id> moved_;  // by Id in the layer
  std::unordered_map<Id, Id> lower_targets_;
  std::vector<Step> todo_;
  std::vector<Step> through_links_;
  std::vector<Link> links_;
  uint64_t names_ = 0;
};

}  // namespace

Done apply_layer(Tree& base, Tree layer, uint32_t source, const Call& call) {
  return Merge(base, layer, source, call).run();
}

}  // namespace msb::tree
