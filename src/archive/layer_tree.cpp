#include "archive/layer_tree.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace msb::archive {

using tree::Id;
using tree::Inode;
using tree::Kind;

namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kMeta = ".wh..wh.";  // aufs's own files, which mean nothing elsewhere
constexpr std::string_view kOpaque = ".wh..wh..opq";

constexpr unsigned kMaxLinks = 40;                      // on the way to one member, as in Linux
constexpr uint64_t kMaxFollowed = uint64_t{256} << 20;  // bytes of paths to walk behind links, of all members

bool is_marker(std::string_view name) { return name.size() > kWhiteout.size() && name.starts_with(kWhiteout); }

Kind kind_of(TarType type) {
  switch (type) {
    case TarType::symlink:
      return Kind::symlink;
    case TarType::character:
      return Kind::character;
    case TarType::block:
      return Kind::block;
    case TarType::directory:
      return Kind::directory;
    case TarType::fifo:
      return Kind::fifo;
    case TarType::socket:
      return Kind::socket;
    case TarType::regular:
    case TarType::hard_link:
    case TarType::other:
      break;
  }
  return Kind::regular;
}

/// A directory that stands where the layer had something else before: nothing of the layers below is in it, and its
/// metadata are its own even if no member gives them.
void start_afresh(Inode& directory) {
  directory.opaque = true;
  directory.implicit = false;
}

}  // namespace

Result<std::string> normalise_path(std::string_view path, const TarLimits& limits) {
  std::string out;
  size_t depth = 0;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (component.empty() || component == ".") continue;
    if (component == "..") return refuse_tar("path traversal: \"..\" in a path");
    if (component.size() > limits.max_component) {
      return refuse_tar("a path component is longer than " + std::to_string(limits.max_component) + " bytes");
    }
    if (++depth > limits.max_depth) {
      return refuse_tar("a path has more than " + std::to_string(limits.max_depth) + " components");
    }
    if (!out.empty()) out.push_back('/');
    out += component;
    if (out.size() > limits.max_path) {
      return refuse_tar("a path is longer than " + std::to_string(limits.max_path) + " bytes");
    }
  }
  return out;
}

Result<Id> LayerTree::add(const TarEntry& entry) {
  auto added = add_member(entry);
  if (!added && added.error().status() == Status::image_invalid) {
    const std::string name = printable(entry.path);
    return std::move(added).error().with("member", name).in("\"" + name + "\"");
  }
  return added;
}

Result<Id> LayerTree::add_member(const TarEntry& entry) {
  MSB_TRY(const std::string path, normalise_path(entry.path, limits_));
  if (entry.type == TarType::other) return tree::kNone;
  if (path.empty()) {
    if (entry.type == TarType::directory) MSB_CHECK(add_root(entry));
    return tree::kNone;
  }
  MSB_TRY(const Place place, make_place(path));
  const bool marker = is_marker(place.name);
  if (marker && (entry.type == TarType::regular || entry.type == TarType::symlink)) {
    MSB_CHECK(add_marker(place, entry, true));
    return tree::kNone;
  }
  // A marker of another type is one all the same, but microsandbox keeps it as what it is.
  if (marker) MSB_CHECK(add_marker(place, entry, false));

  if (entry.type == TarType::directory) {
    MSB_CHECK(add_directory(place, entry));
    return tree::kNone;
  }
  if (entry.type == TarType::hard_link) {
    MSB_CHECK(add_hard_link(place, entry));
    return tree::kNone;
  }
  if (entry.type == TarType::symlink) {
    if (entry.link.empty()) return refuse_tar("a symlink without a target");
    if (entry.link.size() > limits_.max_target) {
      return refuse_tar("a symlink's target is longer than " + std::to_string(limits_.max_target) + " bytes");
    }
    MSB_CHECK(count_text(entry.link.size()));
  }
  MSB_TRY(const Id id, make(kind_of(entry.type)));
  MSB_CHECK(describe(id, entry));
  if (entry.type == TarType::symlink) tree_.at(id).need_extra().target = entry.link;
  MSB_CHECK(link(place, id));
  return entry.type == TarType::regular ? id : tree::kNone;
}

/// The directory a path lies in, made if need be, and the name in it.
Result<LayerTree::Place> LayerTree::make_place(std::string_view path) {
  Place place;
  std::string_view rest = path;
  while (true) {
    const size_t slash = rest.find('/');
    if (slash == std::string_view::npos) break;
    const std::string_view name = rest.substr(0, slash);
    const Id found = tree_.child(place.directory, name);
    if (found != tree::kNone && tree_.at(found).kind == Kind::symlink) {
      const size_t end = path.rfind('/');
      MSB_TRY(place.directory, follow(path.substr(0, end)));
      rest = path.substr(end + 1);
      break;
    }
    MSB_TRY(place.directory, enter(place.directory, name));
    rest.remove_prefix(slash + 1);
  }
  place.name = rest;
  return place;
}

/// The directory that a path with links leads to, made if need be. As in a chroot, nothing leads out of the root.
Result<Id> LayerTree::follow(std::string_view path) {
  std::vector<Id> way{tree::kRoot};
  std::string rest(path);
  unsigned links = 0;
  for (size_t at = 0; at < rest.size();) {
    const size_t end = std::min(rest.find('/', at), rest.size());
    const std::string_view name = std::string_view(rest).substr(at, end - at);
    at = end + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (way.size() > 1) way.pop_back();
      continue;
    }
    const Id found = tree_.child(way.back(), name);
    if (found == tree::kNone || tree_.at(found).kind != Kind::symlink) {
      if (name.size() > limits_.max_component || way.size() > limits_.max_depth) {
        return refuse_tar("a link leads to a path that is too long");
      }
      MSB_TRY(const Id entered, enter(way.back(), name));
      way.push_back(entered);
      continue;
    }
    std::string target = tree_.at(found).extra->target;
    if (target.starts_with('/')) way.resize(1);
    if (at < rest.size()) target.append("/").append(rest, at);
    followed_ += target.size();
    if (++links > kMaxLinks || followed_ > kMaxFollowed) return refuse_tar("too many links lead to it");
    rest = std::move(target);
    at = 0;
  }
  return way.back();
}

Result<Id> LayerTree::enter(Id directory, std::string_view name) {
  const Id found = tree_.child(directory, name);
  if (found != tree::kNone && tree_.at(found).kind == Kind::directory) return found;
  if (found != tree::kNone && !tree_.at(found).whiteout()) {
    return refuse_tar("its parent \"" + printable(name) + "\" is not a directory");
  }
  MSB_TRY(const Id made, make(Kind::directory));
  Inode& inode = tree_.at(made);
  inode.mode = 0755;
  inode.implicit = true;
  if (found != tree::kNone) {
    start_afresh(inode);
    inode.opaque_mark = true;  // microsandbox refuses a child below a whiteout, so its layer file is ours to define
  }
  MSB_CHECK(link({directory, std::string(name)}, made));
  return made;
}

Result<Id> LayerTree::make(Kind kind) {
  if (tree_.inode_count() > limits_.max_entries) {
    return refuse_size("more than " + std::to_string(limits_.max_entries) + " files and directories", limits_,
                       kMaxLayerEntries);
  }
  return tree_.add(kind);
}

Done LayerTree::count_text(size_t size) {
  text_ += size;
  if (text_ <= limits_.max_text) return {};
  return refuse_tar("names, links and attributes of more than " + std::to_string(limits_.max_text) + " bytes");
}

Done LayerTree::describe(Id id, const TarEntry& entry) {
  Inode& inode = tree_.at(id);
  inode.mode = entry.mode;
  inode.uid = entry.uid;
  inode.gid = entry.gid;
  inode.mtime = entry.mtime;
  inode.mtime_nsec = entry.mtime_nsec;
  inode.header_mtime = entry.header_mtime;
  if (inode.kind == Kind::character || inode.kind == Kind::block) {
    inode.rdev_major = entry.rdev_major;
    inode.rdev_minor = entry.rdev_minor;
  }
  if (inode.kind == Kind::regular) inode.size = entry.size;
  if (entry.sparse) {
    inode.need_extra().sparse = true;
    inode.need_extra().runs = entry.runs;
  }
  if (inode.extra) inode.extra->xattrs.clear();
  for (const auto& xattr : entry.xattrs) MSB_CHECK(count_text(xattr.name.size() + xattr.value.size()));
  if (!entry.xattrs.empty()) inode.need_extra().xattrs = entry.xattrs;
  return {};
}

/// Layer files hold nothing of the root's metadata, and an entry for it does not clear its opaque mark either.
Done LayerTree::add_root(const TarEntry& entry) {
  tree_.root().implicit = false;
  return describe(tree::kRoot, entry);
}

Done LayerTree::add_directory(const Place& place, const TarEntry& entry) {
  Id id = tree_.child(place.directory, place.name);
  if (id == tree::kNone || tree_.at(id).kind != Kind::directory) {
    const bool replaces = id != tree::kNone;
    MSB_TRY(id, make(Kind::directory));
    if (replaces) start_afresh(tree_.at(id));
    MSB_CHECK(link(place, id));
  }
  Inode& inode = tree_.at(id);
  inode.implicit = false;
  inode.opaque_mark = false;  // as microsandbox does; `opaque` stays
  return describe(id, entry);
}

Done LayerTree::add_hard_link(const Place& place, const TarEntry& entry) {
  MSB_TRY(std::string target, normalise_path(entry.link, limits_));
  if (target.empty()) return refuse_tar("a hard link to the root or to nothing");
  Id id = tree_.find(target);
  if (id == tree::kNone) {
    if (is_marker(place.name)) return {};  // removes something, as the marker it is, and links nothing
    // A file of a layer below, or of this one further on. Only the merge can tell.
    MSB_CHECK(count_text(target.size()));
    MSB_TRY(id, make(Kind::regular));
    tree_.at(id).merge_only = true;
    tree_.at(id).need_extra().link_target = std::move(target);
  } else if (tree_.at(id).kind == Kind::directory) {
    return refuse_tar("a hard link to the directory \"" + printable(target) + "\"");
  } else if (tree_.at(id).whiteout()) {
    return refuse_tar("a hard link to \"" + printable(target) + "\", which the layer removes");
  }
  return link(place, id);
}

/// `.wh.…`: removes what the layers below have, never what this one has, whichever comes first (OCI image
/// specification, layer.md, "Whiteouts").
Done LayerTree::add_marker(const Place& place, const TarEntry& entry, bool in_layer_file) {
  if (place.name == kOpaque) {
    Inode& directory = tree_.at(place.directory);
    directory.opaque = true;
    directory.opaque_mark |= in_layer_file;
    return {};
  }
  if (!in_layer_file && place.name.starts_with(kMeta)) return {};
  std::string name = place.name.substr(kWhiteout.size());
  if (name == "." || name == "..") return refuse_tar("path traversal: a whiteout of \"" + name + "\"");
  return add_whiteout({place.directory, std::move(name)}, entry, in_layer_file);
}

Done LayerTree::add_whiteout(const Place& place, const TarEntry& entry, bool in_layer_file) {
  const Id found = tree_.child(place.directory, place.name);
  if (found != tree::kNone && tree_.at(found).kind == Kind::directory) {
    start_afresh(tree_.at(found));
    tree_.at(found).opaque_mark |= in_layer_file;  // microsandbox refuses this order
    return {};
  }
  // A file of this layer hides what is below by itself.
  if (found != tree::kNone && !tree_.at(found).whiteout()) return {};
  const bool shown = in_layer_file || (found != tree::kNone && !tree_.at(found).merge_only);
  MSB_TRY(const Id id, make(Kind::character));
  TarEntry bare = entry;
  bare.rdev_major = bare.rdev_minor = 0;
  bare.sparse = false;
  bare.xattrs.clear();
  MSB_CHECK(describe(id, bare));
  tree_.at(id).merge_only = !shown;
  return link(place, id);
}

Done LayerTree::link(const Place& place, Id id) {
  MSB_CHECK(count_text(place.name.size()));
  tree_.link(place.directory, place.name, id);
  return {};
}

}  // namespace msb::archive
