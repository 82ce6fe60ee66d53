#include <algorithm>
#include <unordered_map>
#include <vector>

#include "archive/tar_writer.h"
#include "tree/walk.h"

namespace msb::archive {
namespace {

using tree::Inode;
using tree::Kind;

TarType type_of(Kind kind) {
  switch (kind) {
    case Kind::regular:
      return TarType::regular;
    case Kind::directory:
      return TarType::directory;
    case Kind::symlink:
      return TarType::symlink;
    case Kind::character:
      return TarType::character;
    case Kind::block:
      return TarType::block;
    case Kind::fifo:
      return TarType::fifo;
    case Kind::socket:
      return TarType::socket;
  }
  return TarType::other;
}

class LayerTarWriter {
 public:
  LayerTarWriter(const tree::Tree& tree, const os::File& layer_file, ByteSink& out, const Call& call)
      : tree_(tree), layer_file_(layer_file), writer_(out), call_(call) {}

  Done write() {
    for (tree::Walk walk(tree_); walk.next();) {
      MSB_CHECK(call_.check());
      MSB_CHECK(write_name(walk));
    }
    return writer_.finish();
  }

 private:
  Done write_name(const tree::Walk& walk) {
    const Inode& inode = tree_.at(walk.id());
    if (inode.merge_only) return {};
    const std::string path = walk.path();
    const bool root = walk.depth() == 0;
    if (inode.whiteout()) {
      const std::string parent = path.substr(0, path.size() - walk.name().size());
      return write_marker(inode, parent + ".wh." + std::string(walk.name()));
    }
    if (!root) {
      // Before the marker, whose directory a reader may want to see first. Layer files have no metadata of the root.
      MSB_CHECK(write_entry(walk.id(), path));
    }
    if (!inode.opaque_mark) return {};
    return write_marker(inode, root ? ".wh..wh..opq" : path + "/.wh..wh..opq");
  }

  Done write_marker(const Inode& inode, std::string path) {
    TarEntry entry;
    entry.type = TarType::regular;
    entry.path = std::move(path);
    entry.uid = inode.uid;
    entry.gid = inode.gid;
    entry.mtime = inode.mtime;
    return writer_.begin(entry);
  }

  Done write_entry(tree::Id id, const std::string& path) {
    const Inode& inode = tree_.at(id);
    TarEntry entry;
    entry.type = type_of(inode.kind);
    entry.path = path;
    entry.link = inode.target();
    entry.mode = inode.mode;
    entry.uid = inode.uid;
    entry.gid = inode.gid;
    entry.mtime = inode.mtime;
    entry.mtime_nsec = inode.mtime_nsec;
    entry.rdev_major = inode.rdev_major;
    entry.rdev_minor = inode.rdev_minor;
    entry.xattrs = inode.xattrs();
    if (inode.kind != Kind::directory && inode.links > 1) {
      const auto [first, is_first] = first_names_.emplace(id, path);
      if (!is_first) {
        entry.type = TarType::hard_link;
        entry.link = first->second;
        entry.xattrs.clear();
        return writer_.begin(entry);
      }
    }
    if (inode.kind == Kind::regular) entry.size = inode.size;
    MSB_CHECK(writer_.begin(entry));
    return inode.kind == Kind::regular ? write_content(inode) : Done();
  }

  /// In one piece: layer files keep the holes of a file.
  Done write_content(const Inode& inode) {
    os::FileSource source(layer_file_, inode.data_offset, inode.size);
    uint64_t left = inode.size;
    while (left != 0) {
      MSB_CHECK(call_.check());
      MSB_TRY(const size_t size, source.read(buffer_));
      if (size == 0) return Error(Status::image_invalid, "the layer file is too short for its content");
      MSB_CHECK(writer_.write(Bytes(buffer_).first(size)));
      left -= size;
    }
    return {};
  }

  const tree::Tree& tree_;
  const os::File& layer_file_;
  TarWriter writer_;
  const Call& call_;
  std::unordered_map<tree::Id, std::string> first_names_;  // of files with several
  std::vector<std::byte> buffer_ = std::vector<std::byte>(size_t{256} << 10);
};

}  // namespace

Done write_layer_tar(const tree::Tree& tree, const os::File& layer_file, ByteSink& out, const Call& call) {
  return LayerTarWriter(tree, layer_file, out, call).write();
}

}  // namespace msb::archive
