#include "erofs/image_writer.h"

#include <algorithm>
#include <array>

#include "erofs/dirent.h"
#include "erofs/xattr.h"

namespace msb::erofs {
namespace {

using tree::Id;
using tree::Inode;
using tree::Kind;
using tree::Tree;

constexpr size_t kBuffer = size_t{256} << 10;

struct DirectoryFacts {
  uint64_t size = 0;
  uint32_t subdirectories = 0;
};

DirectoryFacts directory_facts(const Tree& tree, Id id, Id parent) {
  DirectoryFacts facts;
  DirentPacking packing;
  for_each_dirent(tree, id, parent, [&](std::string_view name, Id child) {
    packing.add(name.size());
    if (tree.at(child).kind == Kind::directory) ++facts.subdirectories;
  });
  facts.size = packing.size();
  facts.subdirectories -= 2;  // the dots
  return facts;
}

DiskInode disk_inode(const Tree& tree, Id id, Id parent, Flavor flavor) {
  const Inode& inode = tree.at(id);
  DiskInode disk;
  disk.mode = static_cast<uint16_t>(type_bits(inode.kind) | inode.mode);
  disk.uid = inode.uid;
  disk.gid = inode.gid;
  disk.nlink = inode.links;
  disk.mtime = inode.mtime;
  disk.mtime_nsec = inode.mtime_nsec;
  if (flavor == Flavor::layer) {
    disk.mtime = std::max<int64_t>(inode.header_mtime, 0);
    disk.mtime_nsec = 0;
  }
  switch (inode.kind) {
    case Kind::regular:
      disk.size = inode.size;
      break;
    case Kind::symlink:
      disk.size = inode.target().size();
      break;
    case Kind::directory: {
      const DirectoryFacts facts = directory_facts(tree, id, parent);
      disk.size = facts.size;
      disk.nlink = 2 + facts.subdirectories;
      break;
    }
    default:
      break;
  }
  // Layers cannot say anything of their root; an image about whose root no layer says anything is written alike.
  if (id == tree::kRoot && (flavor == Flavor::layer || inode.implicit)) {
    disk.mode = static_cast<uint16_t>(type_bits(Kind::directory) | 0755);
    disk.uid = disk.gid = disk.mtime_nsec = 0;
    disk.mtime = 0;
    disk.nlink = 2;
  }
  return disk;
}

}  // namespace

Done ForwardWriter::append(Bytes bytes) {
  if (buffer_.size() + bytes.size() > kBuffer) MSB_CHECK(flush());
  if (bytes.size() > kBuffer) {
    MSB_CHECK(file_.write_at(bytes, offset_));
    offset_ += bytes.size();
    return {};
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return {};
}

Done ForwardWriter::seek(uint64_t offset) {
  if (offset < this->offset()) return Error(Status::internal, "EROFS writer was told to go back");
  const uint64_t gap = offset - this->offset();
  if (gap < kBlock && buffer_.size() + gap <= kBuffer) {
    buffer_.resize(buffer_.size() + static_cast<size_t>(gap));
    return {};
  }
  MSB_CHECK(flush());
  offset_ = offset;
  return {};
}

Done ForwardWriter::flush() {
  MSB_CHECK(file_.write_at(buffer_, offset_));
  offset_ += buffer_.size();
  buffer_.clear();
  return {};
}

ImageWriter::ImageWriter(const Tree& tree, const Layout& layout, const os::File& out)
    : tree_(tree),
      layout_(layout),
      out_(out),
      metadata_(out, layout.meta_block * kBlock),
      data_(out, layout.data_block * kBlock) {}

bool ImageWriter::is_next(Id id) {
  // Inode numbers grow in the order of the walk, so a smaller one is another name of an inode that is written.
  const Placement& placement = layout_.placements[id];
  if (placement.nid == kUnplaced || placement.nid < next_nid_) return false;
  next_nid_ = uint64_t{placement.nid} + 1;
  return true;
}

Done ImageWriter::put_inode(Id id, Id parent) {
  const Inode& inode = tree_.at(id);
  const Placement& placement = layout_.placements[id];
  const auto xattrs = stored_xattrs(inode, layout_.flavor);
  MSB_TRY(const size_t xattr_size, xattr_area_size(xattrs));

  DiskInode disk = disk_inode(tree_, id, parent, layout_.flavor);
  disk.ino = placement.nid;
  disk.xattr_icount = xattr_icount(xattr_size);
  disk.layout = placement.tail != 0 ? DataLayout::inline_tail : DataLayout::plain;
  switch (inode.kind) {
    case Kind::regular:
      disk.u = placement.block;
      if (layout_.flavor == Flavor::fsmeta) {
        disk.layout = DataLayout::chunked;
        disk.u = kChunkIndexes;
      }
      break;
    case Kind::directory:
    case Kind::symlink:
      disk.u = placement.block;
      break;
    case Kind::character:
    case Kind::block:
      disk.u = encode_device(inode.rdev_major, inode.rdev_minor);
      break;
    default:
      break;
  }

  std::vector<std::byte> bytes(kInodeSize);
  encode_inode(disk, bytes);
  append_xattr_area(xattrs, bytes);
  MSB_CHECK(metadata_.seek(layout_.meta_block * kBlock + placement.nid * kSlot));
  MSB_CHECK(metadata_.append(bytes));
  if (inode.kind == Kind::directory) return put_directory(id, parent, placement);
  if (inode.kind == Kind::symlink) return put_end(as_bytes(inode.target()), 0, placement);
  return {};
}

Done ImageWriter::put_directory(Id id, Id parent, const Placement& placement) {
  struct Entry {
    std::string_view name;
    Id id;
  };
  std::vector<Entry> entries;  // of one block
  std::array<std::byte, kBlock> block;
  const auto encode = [&] {
    block.fill(std::byte{0});
    size_t name_offset = entries.size() * kDirentSize;
    for (size_t i = 0; i < entries.size(); ++i) {
      const MutableBytes at = MutableBytes(block).subspan(i * kDirentSize, kDirentSize);
      store_le<uint64_t>(at, 0, layout_.placements[entries[i].id].nid);
      store_le<uint16_t>(at, 8, static_cast<uint16_t>(name_offset));
      store_le<uint8_t>(at, 10, dirent_type(tree_.at(entries[i].id).kind));
      std::ranges::copy(as_bytes(entries[i].name), block.begin() + static_cast<ptrdiff_t>(name_offset));
      name_offset += entries[i].name.size();
    }
    entries.clear();
    return name_offset;
  };

  uint64_t offset = 0;  // of the block in the directory's data
  DirentPacking packing;
  Done result;
  for_each_dirent(tree_, id, parent, [&](std::string_view name, Id child) {
    if (packing.add(name.size()) && result) {
      encode();
      result = put_block(block, offset, placement);
      offset += kBlock;
    }
    entries.push_back({name, child});
  });
  MSB_CHECK(std::move(result));
  const size_t used = encode();
  return put_end(Bytes(block).first(used), offset, placement);
}

Done ImageWriter::put_block(Bytes bytes, uint64_t offset, const Placement& placement) {
  MSB_CHECK(data_.seek(placement.block * kBlock + offset));
  return data_.append(bytes);
}

Done ImageWriter::put_end(Bytes bytes, uint64_t offset, const Placement& placement) {
  return placement.tail != 0 ? metadata_.append(bytes) : put_block(bytes, offset, placement);
}

Done ImageWriter::finish(std::vector<std::byte> head, uint32_t feature_incompat, uint16_t devices) {
  Superblock super;
  super.feature_incompat = feature_incompat;
  super.inodes = layout_.inodes;
  super.blocks = layout_.blocks;
  super.meta_block = layout_.meta_block;
  super.devices = devices;
  encode_superblock(super, head);
  MSB_CHECK(out_.write_at(head, 0));
  return out_.truncate(layout_.file_size());
}

}  // namespace msb::erofs
