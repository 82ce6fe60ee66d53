#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace msb::tree {

enum class Kind : uint8_t { regular, directory, symlink, character, block, fifo, socket };

/// Inodes are numbers into Tree; equal numbers under two names are a hard link.
using Id = uint32_t;
inline constexpr Id kNone = UINT32_MAX;
inline constexpr Id kRoot = 0;

using Children = std::map<std::string, Id, std::less<>>;  // bytewise order, as EROFS and the formats want it

struct Xattr {
  std::string name;  ///< with its prefix: `security.capability`
  std::string value;
};

/// A stored run of a file with holes. Runs are in order and do not overlap.
struct Run {
  uint64_t logical = 0;  ///< offset in the file
  uint64_t length = 0;
  uint64_t stored = 0;  ///< offset in the source, counted from Inode::data_offset
};

/// What few inodes have.
struct Extra {
  std::string target;         ///< of a symlink
  std::string link_target;    ///< of a hard link to a file that is not in the layer: that file's path, see merge_only
  std::vector<Xattr> xattrs;  ///< sorted by name; without overlay marks, which are flags of the inode
  bool sparse = false;        ///< regular file stored as `runs`, zeros between them
  std::vector<Run> runs;
};

struct Inode {
  Kind kind = Kind::regular;
  bool implicit = false;     ///< directory that the layer names only as a parent: no metadata of its own
  bool opaque = false;       ///< directory whose lower content the layer hides
  bool opaque_mark = false;  ///< directory that carries the opaque xattr in the layer file (formats/images.md §5.1)
  /// What the layer says but its file cannot show: a whiteout under a name that is taken, or a hard link to
  /// Extra::link_target, which is looked up in the layers below as they were before this one, else in this one.
  /// Layer files leave it out.
  bool merge_only = false;
  uint16_t mode = 0;  ///< permission bits, 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t links = 0;  ///< names that refer to the inode
  uint32_t mtime_nsec = 0;
  int64_t mtime = 0;         ///< seconds; from PAX where given
  int64_t header_mtime = 0;  ///< seconds of the plain tar header, which is what layer files store
  uint32_t rdev_major = 0;
  uint32_t rdev_minor = 0;
  uint64_t size = 0;         ///< regular: apparent size
  uint32_t source = 0;       ///< regular: which store holds the bytes (position of the layer in the image)
  uint64_t data_offset = 0;  ///< regular: byte offset of the content in that store
  std::unique_ptr<Extra> extra;
  std::unique_ptr<Children> children;  ///< directories only, never null there

  bool whiteout() const { return kind == Kind::character && rdev_major == 0 && rdev_minor == 0; }
  Extra& need_extra();
  const std::string& target() const;
  const std::vector<Xattr>& xattrs() const;
};

/// File tree of a layer or of a merged image. In the tree of a layer a name that begins with `.wh.` and goes on is what
/// microsandbox's layer file shows of a whiteout on something else than a file; nothing of that name is in the image.
/// Paths are relative, `/`-separated bytes without `.`, `..` or empty components. Inodes of removed names stay in the
/// store until the tree goes.
class Tree {
 public:
  Tree();  ///< just a root: 0755 0:0, mtime 0, implicit

  Inode& at(Id id) { return inodes_[id]; }
  const Inode& at(Id id) const { return inodes_[id]; }
  Inode& root() { return inodes_[kRoot]; }
  const Inode& root() const { return inodes_[kRoot]; }
  size_t inode_count() const { return inodes_.size(); }

  /// A new inode without a name.
  Id add(Kind kind);
  Id child(Id directory, std::string_view name) const;  ///< kNone when absent
  /// Gives `id` the name; what had it loses it (with its subtree). `directory` must be a directory.
  void link(Id directory, std::string_view name, Id id);
  /// Takes the name away; returns false when it was not there.
  bool unlink(Id directory, std::string_view name);
  /// Takes every name out of a directory.
  void clear(Id directory);
  /// Follows `path` without following symlinks; kNone when a component is missing or not a directory.
  Id find(std::string_view path) const;

 private:
  void drop(Id id);

  std::deque<Inode> inodes_;
};

}  // namespace msb::tree
