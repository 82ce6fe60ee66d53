#include "erofs/reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "erofs/xattr.h"

namespace msb::erofs {
namespace {

using tree::Id;
using tree::Inode;
using tree::Kind;
using tree::Tree;

constexpr uint64_t kMaxNames = 2'000'000;  // a layer has up to a million members, and parents that none of them names
constexpr size_t kMaxDepth = 128;
constexpr size_t kWindow = 16U << 10;

Error invalid(const std::string& what) { return Error(Status::image_invalid, "EROFS file: " + what); }

/// Random reads with a short memory.
class Window {
 public:
  explicit Window(const os::File& file, uint64_t file_size) : file_(file), file_size_(file_size) {}

  /// At most kBlock bytes; valid until the next call.
  Result<Bytes> bytes(uint64_t offset, size_t length) {
    if (offset > file_size_ || length > file_size_ - offset) return invalid("reference beyond the end of the file");
    if (offset < begin_ || offset + length > begin_ + buffer_.size()) {
      begin_ = offset / kBlock * kBlock;
      buffer_.resize(static_cast<size_t>(std::min<uint64_t>(kWindow, file_size_ - begin_)));
      MSB_CHECK(file_.read_exactly_at(buffer_, begin_));
    }
    return Bytes(buffer_).subspan(static_cast<size_t>(offset - begin_), length);
  }

 private:
  const os::File& file_;
  uint64_t file_size_;
  uint64_t begin_ = 0;
  std::vector<std::byte> buffer_;
};

struct Dirent {
  uint32_t nid;
  uint8_t type;
  std::string name;
};

/// The entries of one directory block.
Result<std::vector<Dirent>> parse_block(Bytes block) {
  if (block.size() < kDirentSize) return invalid("directory block is too short");
  const size_t names_begin = load_le<uint16_t>(block, 8);
  if (names_begin % kDirentSize != 0 || names_begin == 0 || names_begin > block.size()) {
    return invalid("malformed directory block");
  }
  std::vector<Dirent> entries(names_begin / kDirentSize);
  size_t begin = names_begin;
  for (size_t i = 0; i < entries.size(); ++i) {
    const size_t at = i * kDirentSize;
    size_t end = block.size();
    if (i + 1 < entries.size()) end = load_le<uint16_t>(block, at + kDirentSize + 8);
    if (end < begin || end > block.size()) return invalid("malformed directory block");
    std::string_view name = as_text(block.subspan(begin, end - begin));
    if (i + 1 == entries.size()) {
      const std::string_view padded = name;
      name = name.substr(0, name.find('\0'));
      if (padded.find_first_not_of('\0', name.size()) != std::string_view::npos) return invalid("garbage after a name");
    }
    if (name.empty() || name.size() > kNameMax || name.find('\0') != name.npos || name.find('/') != name.npos) {
      return invalid("malformed name");
    }
    const auto nid = load_le<uint64_t>(block, at);
    if (nid > UINT32_MAX) return invalid("inode number out of range");
    entries[i] = {static_cast<uint32_t>(nid), load_le<uint8_t>(block, at + 10), std::string(name)};
    begin = end;
  }
  return entries;
}

class LayerReader {
 public:
  LayerReader(const os::File& file, const Superblock& super)
      : super_(super), file_size_(super.blocks * kBlock), metadata_(file, file_size_), data_(file, file_size_) {}

  Result<Tree> run(const Call& call) {
    MSB_CHECK(read_root());
    while (!directories_.empty()) {
      Directory directory = std::move(directories_.back());
      directories_.pop_back();
      if (auto done = read_directory(directory, call); !done) {
        // An error of a member below knows its own path.
        if (done.error().status() != Status::image_invalid || done.error().fact("member") != nullptr)
          return std::move(done).error();
        return std::move(done).error().in(member_name(directory.path)).with("member", directory.path);
      }
    }
    return finish();
  }

 private:
  /// Where an inode and its data lie.
  struct Located {
    DiskInode disk;
    Kind kind;
    uint64_t tail_offset;  // in the file, of an inline tail
    std::vector<tree::Xattr> xattrs;
  };
  struct Directory {
    Id id;
    Id parent;
    Located inode;
    std::string path;
    size_t depth;
  };

  static std::string child_path(const Directory& directory, const Dirent& entry) {
    return directory.path.empty() ? entry.name : directory.path + "/" + entry.name;
  }
  static std::string member_name(const std::string& path) { return path.empty() ? "root directory" : path; }

  Result<Located> locate(uint32_t nid) {
    Located at;
    const uint64_t offset = super_.meta_block * kBlock + nid * kSlot;
    MSB_TRY(const Bytes bytes, metadata_.bytes(offset, kInodeSize));
    MSB_TRY(at.disk, decode_inode(bytes));
    MSB_TRY(at.kind, kind_of_mode(at.disk.mode));
    if (at.disk.mtime_nsec >= 1'000'000'000) return invalid("malformed time");

    const size_t xattr_size = xattr_area_of_icount(at.disk.xattr_icount);
    if (xattr_size > kBlock) return invalid("extended attributes are larger than layers need");
    MSB_TRY(const Bytes area, metadata_.bytes(offset + kInodeSize, xattr_size));
    MSB_TRY(at.xattrs, parse_xattr_area(area));
    at.tail_offset = offset + kInodeSize + xattr_size;
    MSB_CHECK(check_data(at));
    return at;
  }

  Done check_data(const Located& at) const {
    const DiskInode& disk = at.disk;
    const bool has_data = at.kind == Kind::regular || at.kind == Kind::directory || at.kind == Kind::symlink;
    if (disk.layout == DataLayout::chunked) return invalid("layers have no chunked files");
    if (!has_data) {
      if (disk.size != 0 || disk.layout != DataLayout::plain) return invalid("special file with data");
      return {};
    }
    if (disk.size > file_size_) return invalid("data is longer than the file");
    uint64_t blocks = ceil_div(disk.size, kBlock);
    if (disk.layout == DataLayout::inline_tail) {
      const uint64_t tail = disk.size % kBlock;
      if (at.kind == Kind::regular || tail == 0 || at.tail_offset % kBlock + tail > kBlock ||
          at.tail_offset / kBlock != (at.tail_offset + tail - 1) / kBlock) {
        return invalid("malformed inline data");
      }
      --blocks;
    }
    if (blocks != 0 && (disk.u <= super_.meta_block || disk.u >= super_.blocks || blocks > super_.blocks - disk.u)) {
      return invalid("data lies outside the file");
    }
    return {};
  }

  /// The piece of the data at `offset`, up to the end of its block.
  Result<Bytes> piece(const Located& at, uint64_t offset) {
    const uint64_t length = std::min(kBlock, at.disk.size - offset);
    if (at.disk.layout == DataLayout::inline_tail && length < kBlock) {
      return metadata_.bytes(at.tail_offset, static_cast<size_t>(length));
    }
    return data_.bytes(at.disk.u * kBlock + offset, static_cast<size_t>(length));
  }

  Done read_root() {
    MSB_TRY(Located at, locate(super_.root_nid));
    if (at.kind != Kind::directory) return invalid("root is not a directory");
    seen_directories_.insert(super_.root_nid);
    Inode& root = tree_.root();
    take_marks(at, root);
    nids_.push_back(super_.root_nid);
    directories_.push_back({tree::kRoot, tree::kRoot, std::move(at), "", 0});
    return {};
  }

  Done read_directory(const Directory& directory, const Call& call) {
    if (directory.depth >= kMaxDepth) return invalid("directories nest deeper than " + std::to_string(kMaxDepth));
    std::string last;
    int dots = 0;
    const size_t first_subdirectory = directories_.size();
    for (uint64_t offset = 0; offset < directory.inode.disk.size; offset += kBlock) {
      MSB_CHECK(call.check());
      MSB_TRY(const Bytes block, piece(directory.inode, offset));
      MSB_TRY(std::vector<Dirent> entries, parse_block(block));
      for (Dirent& entry : entries) {
        if (entry.name <= last) return invalid("names are not in order");
        if (++names_ > kMaxNames) return invalid("more than " + std::to_string(kMaxNames) + " names");
        if (entry.name == "." || entry.name == "..") {
          const Id target = entry.name == "." ? directory.id : directory.parent;
          if (entry.nid != nids_[target]) return invalid("dots do not lead to the directory and its parent");
          ++dots;
        } else {
          if (auto done = read_child(directory, entry); !done) {
            if (done.error().status() != Status::image_invalid) return done;
            const std::string path = child_path(directory, entry);
            return std::move(done).error().in(path).with("member", path);
          }
        }
        last = std::move(entry.name);
      }
    }
    if (dots != 2) return invalid("directory without its dots");
    // Subdirectories in order: their inodes lie in that order, too.
    std::reverse(directories_.begin() + static_cast<ptrdiff_t>(first_subdirectory), directories_.end());
    return {};
  }

  Done read_child(const Directory& directory, const Dirent& entry) {
    if (const auto linked = links_.find(entry.nid); linked != links_.end()) {
      if (entry.type != dirent_type(tree_.at(linked->second.id).kind))
        return invalid("file type differs from the inode's");
      tree_.link(directory.id, entry.name, linked->second.id);
      return {};
    }
    MSB_TRY(Located at, locate(entry.nid));
    if (entry.type != dirent_type(at.kind)) return invalid("file type differs from the inode's");
    const Id id = tree_.add(at.kind);
    nids_.push_back(entry.nid);
    Inode& inode = tree_.at(id);
    fill(at, inode);
    if (at.kind == Kind::symlink) {
      if (at.disk.size == 0 || at.disk.size > kBlock) return invalid("malformed symbolic link");
      MSB_TRY(const Bytes target, piece(at, 0));
      inode.need_extra().target = as_text(target);
      if (inode.target().find('\0') != std::string::npos) return invalid("malformed symbolic link");
    }
    tree_.link(directory.id, entry.name, id);
    if (at.kind == Kind::directory) {
      if (!seen_directories_.insert(entry.nid).second) return invalid("directory has two names");
      directories_.push_back({id, directory.id, std::move(at), child_path(directory, entry), directory.depth + 1});
    } else if (at.disk.nlink > 1) {
      links_.emplace(entry.nid, Link{id, at.disk.nlink});
    }
    return {};
  }

  void fill(Located& at, Inode& inode) {
    const DiskInode& disk = at.disk;
    inode.mode = disk.mode & 07777;
    inode.uid = disk.uid;
    inode.gid = disk.gid;
    inode.mtime = inode.header_mtime = disk.mtime;
    inode.mtime_nsec = disk.mtime_nsec;
    if (at.kind == Kind::regular) {
      inode.size = disk.size;
      inode.data_offset = disk.size == 0 ? 0 : disk.u * kBlock;
    } else if (at.kind == Kind::character || at.kind == Kind::block) {
      inode.rdev_major = device_major(disk.u);
      inode.rdev_minor = device_minor(disk.u);
    }
    take_marks(at, inode);
    if (at.kind == Kind::directory) {
      inode.implicit =
          inode.mode == 0755 && inode.uid == 0 && inode.gid == 0 && inode.mtime == 0 && inode.xattrs().empty();
    }
  }

  static void take_marks(Located& at, Inode& inode) {
    const tree::Xattr& mark = opaque_xattr().front();
    if (inode.kind == Kind::directory) {
      const auto removed = std::erase_if(
          at.xattrs, [&](const tree::Xattr& xattr) { return xattr.name == mark.name && xattr.value == mark.value; });
      inode.opaque = inode.opaque_mark = removed != 0;
    }
    if (!at.xattrs.empty()) inode.need_extra().xattrs = std::move(at.xattrs);
  }

  Result<Tree> finish() {
    if (tree_.inode_count() != super_.inodes) return invalid("number of inodes differs from the superblock's");
    for (const auto& [nid, link] : links_) {
      if (tree_.at(link.id).links != link.expected) return invalid("file has more or fewer names than it says");
    }
    return std::move(tree_);
  }

  struct Link {
    Id id;
    uint32_t expected;
  };
  const Superblock super_;
  const uint64_t file_size_;
  Window metadata_;
  Window data_;
  Tree tree_;
  std::vector<uint32_t> nids_;          // by Id
  std::vector<Directory> directories_;  // to be read
  std::unordered_set<uint32_t> seen_directories_;
  std::unordered_map<uint32_t, Link> links_;  // of inodes that say they have several names
  uint64_t names_ = 0;
};

Result<Superblock> read_superblock(const os::File& file) {
  MSB_TRY(const uint64_t size, file.size());
  std::vector<std::byte> head(kBlock);
  if (size < kBlock) return invalid("shorter than one block");
  MSB_CHECK(file.read_exactly_at(head, 0));
  MSB_TRY(const Superblock super, decode_superblock(head));
  if (size != super.blocks * kBlock) return invalid("size differs from the superblock's");
  std::vector<std::byte> inode(kInodeSize);
  const uint64_t root = super.meta_block * kBlock + super.root_nid * kSlot;
  if (root + kInodeSize > size) return invalid("root lies outside the file");
  MSB_CHECK(file.read_exactly_at(inode, root));
  MSB_TRY(const DiskInode disk, decode_inode(inode));
  MSB_TRY(const Kind kind, kind_of_mode(disk.mode));
  if (kind != Kind::directory) return invalid("root is not a directory");
  return super;
}

Result<std::vector<uint32_t>> read_device_table(const os::File& file) {
  MSB_TRY(const Superblock super, read_superblock(file));
  if ((super.feature_incompat & kFeatureDeviceTable) == 0) return invalid("is not an fsmeta");
  std::vector<std::byte> table(super.devices * kDeviceSlot);
  if (kDeviceTable + table.size() > super.meta_block * kBlock) return invalid("device table reaches into the metadata");
  MSB_CHECK(file.read_exactly_at(table, kDeviceTable));
  std::vector<uint32_t> blocks(super.devices);
  uint64_t mapped = super.blocks;
  for (size_t i = 0; i < blocks.size(); ++i) {
    blocks[i] = load_le<uint32_t>(table, i * kDeviceSlot + kDeviceBlocks);
    if (load_le<uint32_t>(table, i * kDeviceSlot + kDeviceMapped) != mapped) return invalid("layers do not follow it");
    mapped += blocks[i];
  }
  return blocks;
}

template <typename T>
Result<T> naming(const os::File& file, Result<T> result) {
  if (result || result.error().status() != Status::image_invalid) return result;
  return std::move(result).error().with("path", file.path());
}

}  // namespace

Result<Superblock> check_file(const os::File& file) { return naming(file, read_superblock(file)); }

Result<std::vector<uint32_t>> read_layer_blocks(const os::File& fsmeta) {
  return naming(fsmeta, read_device_table(fsmeta));
}

Result<Tree> read_layer(const os::File& file, const Call& call) {
  MSB_TRY(const Superblock super, check_file(file));
  if (super.feature_incompat != 0) return naming<Tree>(file, invalid("is not a layer"));
  return naming(file, LayerReader(file, super).run(call));
}

}  // namespace msb::erofs
