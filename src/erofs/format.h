#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "tree/tree.h"

// The part of EROFS that layer and fsmeta files use (formats/images.md §5.2, §6; names as in the kernel's erofs_fs.h):
// 4 KiB blocks, 64-byte inodes, no compression, no shared xattrs. Integers are little-endian.
namespace msb::erofs {

inline constexpr uint64_t kBlock = 4096;
inline constexpr uint64_t kSlot = 32;  // unit of inode numbers
inline constexpr uint32_t kNullBlock = UINT32_MAX;
inline constexpr size_t kNameMax = 255;

inline constexpr uint64_t kSuperOffset = 1024;
inline constexpr size_t kSuperSize = 128;
inline constexpr uint32_t kMagic = 0xE0F5E1E2;
inline constexpr uint32_t kFeatureChecksum = 1;           // compatible
inline constexpr uint32_t kFeatureChunkedFile = 1U << 2;  // incompatible
inline constexpr uint32_t kFeatureDeviceTable = 1U << 3;

inline constexpr uint64_t kDeviceSlot = 128;
inline constexpr uint64_t kDeviceTable = kSuperOffset + kSuperSize;
inline constexpr size_t kDeviceBlocks = 0x40;  // in a slot: u32 length of the device
inline constexpr size_t kDeviceMapped = 0x44;  // u32 its first block when all devices are joined

inline constexpr size_t kInodeSize = 64;
inline constexpr size_t kDirentSize = 12;
inline constexpr size_t kChunkSize = 8;
inline constexpr uint32_t kChunkIndexes = 0x20;  // i_u of a chunked file: index records, chunks of one block

enum class DataLayout : uint8_t { plain = 0, inline_tail = 2, chunked = 4 };

/// What of the superblock is not the same in every file.
struct Superblock {
  uint32_t feature_incompat = 0;
  uint16_t root_nid = 0;
  uint64_t inodes = 0;
  uint32_t blocks = 0;
  uint32_t meta_block = 1;
  uint16_t devices = 0;  ///< the device table begins at kDeviceTable
};

/// Fills the superblock at kSuperOffset of `head`, the first block, and seals it: the checksum covers the rest of the
/// block, so everything else must be there.
void encode_superblock(const Superblock& super, MutableBytes head);
/// Fails with image_invalid when `head` (the first block) does not hold a superblock of this profile whose checksum is
/// right.
Result<Superblock> decode_superblock(Bytes head);

struct DiskInode {
  DataLayout layout = DataLayout::plain;
  uint16_t xattr_icount = 0;
  uint16_t mode = 0;  ///< with the type bits
  uint64_t size = 0;
  uint32_t u = 0;  ///< first block, device number or chunk format
  uint32_t ino = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t mtime = 0;
  uint32_t mtime_nsec = 0;
  uint32_t nlink = 0;
};

void encode_inode(const DiskInode& inode, MutableBytes into);
/// Fails with image_invalid for compact inodes and data layouts that are not of this profile.
Result<DiskInode> decode_inode(Bytes bytes);

/// S_IFMT bits of a kind, and back.
uint16_t type_bits(tree::Kind kind);
Result<tree::Kind> kind_of_mode(uint16_t mode);
/// The file type that a directory entry carries.
uint8_t dirent_type(tree::Kind kind);

/// Device numbers as the kernel's new_encode_dev() packs them.
uint32_t encode_device(uint32_t major, uint32_t minor);
uint32_t device_major(uint32_t device);
uint32_t device_minor(uint32_t device);

}  // namespace msb::erofs
