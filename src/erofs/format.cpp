#include "erofs/format.h"

#include <algorithm>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "erofs/crc32c.h"

namespace msb::erofs {
namespace {

using tree::Kind;

Error invalid(const std::string& what) { return Error(Status::image_invalid, "EROFS file: " + what); }

struct KindRow {
  Kind kind;
  uint16_t mode;
  uint8_t dirent;
};
constexpr KindRow kKinds[] = {
    {Kind::regular, S_IFREG, 1}, {Kind::directory, S_IFDIR, 2}, {Kind::character, S_IFCHR, 3},
    {Kind::block, S_IFBLK, 4},   {Kind::fifo, S_IFIFO, 5},      {Kind::socket, S_IFSOCK, 6},
    {Kind::symlink, S_IFLNK, 7},
};

const KindRow& row_of(Kind kind) {
  return *std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindRow& row) { return row.kind == kind; });
}

uint32_t checksum_of(Bytes head) {
  // Over the superblock and the rest of the first block, with the checksum field itself as zero.
  constexpr uint32_t kZero = 0;
  const Bytes covered = head.subspan(kSuperOffset, kBlock - kSuperOffset);
  const uint32_t crc = crc32c(std::as_bytes(std::span(&kZero, 1)), crc32c(covered.first(4)));
  return crc32c(covered.subspan(8), crc);
}

}  // namespace

void encode_superblock(const Superblock& super, MutableBytes head) {
  const MutableBytes at = head.subspan(kSuperOffset, kSuperSize);
  std::ranges::fill(at, std::byte{0});
  store_le<uint32_t>(at, 0x00, kMagic);
  store_le<uint32_t>(at, 0x08, kFeatureChecksum);
  store_le<uint8_t>(at, 0x0C, 12);  // log2 of the block size
  store_le<uint16_t>(at, 0x0E, super.root_nid);
  store_le<uint64_t>(at, 0x10, super.inodes);
  store_le<uint32_t>(at, 0x24, super.blocks);
  store_le<uint32_t>(at, 0x28, super.meta_block);
  store_le<uint32_t>(at, 0x50, super.feature_incompat);
  if ((super.feature_incompat & kFeatureDeviceTable) != 0) {
    store_le<uint16_t>(at, 0x56, super.devices);
    store_le<uint16_t>(at, 0x58, kDeviceTable / kDeviceSlot);
  }
  store_le<uint32_t>(at, 0x04, checksum_of(head));
}

Result<Superblock> decode_superblock(Bytes head) {
  if (head.size() < kBlock) return invalid("shorter than one block");
  head = head.first(kBlock);
  const Bytes at = head.subspan(kSuperOffset, kSuperSize);
  if (load_le<uint32_t>(at, 0x00) != kMagic) return invalid("wrong magic number");
  if (load_le<uint32_t>(at, 0x08) != kFeatureChecksum) return invalid("unknown compatible features");
  if (load_le<uint32_t>(at, 0x04) != checksum_of(head)) return invalid("wrong superblock checksum");
  if (load_le<uint8_t>(at, 0x0C) != 12) return invalid("blocks are not 4096 bytes");
  Superblock super;
  super.feature_incompat = load_le<uint32_t>(at, 0x50);
  super.root_nid = load_le<uint16_t>(at, 0x0E);
  super.inodes = load_le<uint64_t>(at, 0x10);
  super.blocks = load_le<uint32_t>(at, 0x24);
  super.meta_block = load_le<uint32_t>(at, 0x28);
  if (super.feature_incompat == (kFeatureChunkedFile | kFeatureDeviceTable)) {
    super.devices = load_le<uint16_t>(at, 0x56);
    if (load_le<uint16_t>(at, 0x58) != kDeviceTable / kDeviceSlot) return invalid("device table is not at its place");
  } else if (super.feature_incompat != 0) {
    return invalid("unknown incompatible features");
  }
  if (super.meta_block == 0 || super.meta_block >= super.blocks) return invalid("metadata lies outside the file");
  return super;
}

void encode_inode(const DiskInode& inode, MutableBytes into) {
  std::ranges::fill(into.first(kInodeSize), std::byte{0});
  store_le<uint16_t>(into, 0, static_cast<uint16_t>(1U | static_cast<unsigned>(inode.layout) << 1));
  store_le<uint16_t>(into, 2, inode.xattr_icount);
  store_le<uint16_t>(into, 4, inode.mode);
  store_le<uint64_t>(into, 8, inode.size);
  store_le<uint32_t>(into, 16, inode.u);
  store_le<uint32_t>(into, 20, inode.ino);
  store_le<uint32_t>(into, 24, inode.uid);
  store_le<uint32_t>(into, 28, inode.gid);
  store_le<int64_t>(into, 32, inode.mtime);
  store_le<uint32_t>(into, 40, inode.mtime_nsec);
  store_le<uint32_t>(into, 44, inode.nlink);
}

Result<DiskInode> decode_inode(Bytes bytes) {
  if (bytes.size() < kInodeSize) return invalid("inode lies outside the metadata");
  const uint16_t format = load_le<uint16_t>(bytes, 0);
  const auto layout = static_cast<DataLayout>(format >> 1);
  if ((format & 1) == 0) return invalid("compact inode");
  if (format >> 1 > 4 ||
      (layout != DataLayout::plain && layout != DataLayout::inline_tail && layout != DataLayout::chunked)) {
    return invalid("unknown data layout");
  }
  DiskInode inode;
  inode.layout = layout;
  inode.xattr_icount = load_le<uint16_t>(bytes, 2);
  inode.mode = load_le<uint16_t>(bytes, 4);
  inode.size = load_le<uint64_t>(bytes, 8);
  inode.u = load_le<uint32_t>(bytes, 16);
  inode.ino = load_le<uint32_t>(bytes, 20);
  inode.uid = load_le<uint32_t>(bytes, 24);
  inode.gid = load_le<uint32_t>(bytes, 28);
  inode.mtime = load_le<int64_t>(bytes, 32);
  inode.mtime_nsec = load_le<uint32_t>(bytes, 40);
  inode.nlink = load_le<uint32_t>(bytes, 44);
  return inode;
}

uint16_t type_bits(Kind kind) { return row_of(kind).mode; }

Result<Kind> kind_of_mode(uint16_t mode) {
  for (const KindRow& row : kKinds) {
    if ((mode & S_IFMT) == row.mode) return row.kind;
  }
  return invalid("unknown file type");
}

uint8_t dirent_type(Kind kind) { return row_of(kind).dirent; }

uint32_t encode_device(uint32_t major, uint32_t minor) {
  return (minor & 0xFFU) | (major << 8) | ((minor & ~0xFFU) << 12);
}

uint32_t device_major(uint32_t device) { return (device & 0xFFF00U) >> 8; }

uint32_t device_minor(uint32_t device) { return (device & 0xFFU) | ((device >> 12) & 0xFFF00U); }

}  // namespace msb::erofs
