#include "sandbox/upper_disk.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ext2fs/ext2fs.h>
#include <sys/random.h>

#include "base/bytes.h"

namespace msb::sandbox {
namespace {

constexpr uint32_t kBlock = 4096;
constexpr uint64_t kSmallest = uint64_t{68} << 20;  // the journal is 64 MiB
constexpr uint64_t kLargest = (uint64_t{1} << 44) - kBlock;
constexpr uint32_t kBlocksPerGroup = 32768;
constexpr uint32_t kInodesPerGroup = 8192;
constexpr uint32_t kReservedGdtBlocks = 256;
constexpr uint32_t kJournalBlocks = 16384;
constexpr uint64_t kSuperblock = 1024;  // offset of the first one, and size of each
constexpr uint16_t kExtraInodeSize = 32;
constexpr uint32_t kUserXattrAndAcl = 0x0C;
constexpr uint8_t kCrc32c = 1;

constexpr uint32_t kCompatible = EXT3_FEATURE_COMPAT_HAS_JOURNAL | EXT2_FEATURE_COMPAT_EXT_ATTR |
                                 EXT2_FEATURE_COMPAT_RESIZE_INODE | EXT2_FEATURE_COMPAT_DIR_INDEX;
constexpr uint32_t kIncompatible =
    EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT;
constexpr uint32_t kReadOnlyCompatible = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
                                         EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
                                         EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;

// Of the journal's superblock, whose integers are big-endian (jbd2).
constexpr size_t kJournalIncompatible = 40;
constexpr size_t kJournalUuid = 48;
constexpr size_t kJournalChecksumType = 80;
constexpr size_t kJournalChecksum = 252;
constexpr uint32_t kRevoke64BitChecksumV3 = 0x13;
constexpr std::byte kJournalCrc32c{4};

Error invalid(const std::string& what) { return Error(Status::invalid_argument, what); }

/// A file as libext2fs wants it: a manager that opens a name. The name is where the rest is found.
class Disk {
 public:
  Disk(const os::File& file, const Call& call) : file_(file), call_(call) {
    manager_.magic = EXT2_ET_MAGIC_IO_MANAGER;
    manager_.name = "file";
    manager_.open = open;
    manager_.close = close;
    manager_.set_blksize = set_block_size;
    manager_.read_blk = [](io_channel channel, unsigned long block, int count, void* data) {
      return read(channel, block, count, data);
    };
    manager_.write_blk = [](io_channel channel, unsigned long block, int count, const void* data) {
      return write(channel, block, count, data);
    };
    manager_.read_blk64 = read;
    manager_.write_blk64 = write;
    manager_.flush = [](io_channel) -> errcode_t { return 0; };
    // The file is new: what was not written is a hole.
    manager_.zeroout = [](io_channel, unsigned long long, unsigned long long) -> errcode_t { return 0; };
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  const char* name() const { return name_.text; }
  io_manager manager() { return &manager_; }
  bool failed() const { return failure_.has_value(); }
  /// What a failed call of the library comes from.
  Error failure(errcode_t code) {
    if (failure_) return std::move(*failure_);
    if (code == EXT2_ET_NO_MEMORY) return Error(Status::no_memory, "making a file system in " + file_.path());
    return Error(Status::internal, "libext2fs fails with " + std::to_string(code) + " on " + file_.path());
  }

 private:
  struct Name {
    char text[8];  // first: a pointer to it is one to the whole
    Disk* disk;
  };

  static Disk& disk(io_channel channel) { return *static_cast<Disk*>(channel->private_data); }
  errcode_t result(Done done) {
    if (done) return 0;
    if (!failure_) failure_ = std::move(done).error();
    return EIO;
  }
  static size_t length(io_channel channel, int count) {
    if (count < 0) return static_cast<size_t>(-count);  // of bytes
    return static_cast<size_t>(count) * static_cast<size_t>(channel->block_size);
  }
  static uint64_t offset(io_channel channel, unsigned long long block) {
    return block * static_cast<uint64_t>(channel->block_size);
  }

  static errcode_t open(const char* name, int, io_channel* channel) {
    Disk* disk = reinterpret_cast<const Name*>(name)->disk;
    disk->channel_.magic = EXT2_ET_MAGIC_IO_CHANNEL;
    disk->channel_.manager = &disk->manager_;
    disk->channel_.name = disk->name_.text;
    disk->channel_.block_size = static_cast<int>(kSuperblock);
    disk->channel_.refcount = 1;
    disk->channel_.private_data = disk;
    *channel = &disk->channel_;
    return 0;
  }
  static errcode_t close(io_channel) { return 0; }
  static errcode_t set_block_size(io_channel channel, int size) {
    channel->block_size = size;
    return 0;
  }
  static errcode_t read(io_channel channel, unsigned long long block, int count, void* data) {
    Disk& self = disk(channel);
    const MutableBytes into(static_cast<std::byte*>(data), length(channel, count));
    return self.result(self.file_.read_exactly_at(into, offset(channel, block)));
  }
  static errcode_t write(io_channel channel, unsigned long long block, int count, const void* data) {
    Disk& self = disk(channel);
    if (Done stopped = self.call_.check(); !stopped) return self.result(std::move(stopped));
    const Bytes bytes(static_cast<const std::byte*>(data), length(channel, count));
    return self.result(self.file_.write_at(bytes, offset(channel, block)));
  }

  const os::File& file_;
  const Call& call_;
  Name name_{"upper", this};
  struct_io_manager manager_{};
  struct_io_channel channel_{};
  std::optional<Error> failure_;
};

/// MSB_EXT2(f()): for a call of libext2fs, where `disk_` is what it works on.
#define MSB_EXT2(call)                                                        \
  do {                                                                        \
    if (const errcode_t code = (call); code != 0) return disk_.failure(code); \
  } while (false)

/// One file system in the making.
class Format {
 public:
  Format(const os::File& file, const Call& call) : file_(file), disk_(file, call) {}

  Done run(uint64_t size, const Uuid& uuid) {
    MSB_CHECK(file_.truncate(size));
    MSB_CHECK(begin(size, uuid));
    MSB_CHECK(allocate());
    MSB_CHECK(add_inodes());
    MSB_CHECK(complete_journal());
    return finish();
  }

 private:
  struct Free {
    void operator()(struct_ext2_filsys* fs) const { ext2fs_free(fs); }
  };

  Done begin(uint64_t size, const Uuid& uuid) {
    const uint64_t blocks = size / kBlock;
    ext2_super_block wanted{};
    wanted.s_log_block_size = 2;
    wanted.s_log_cluster_size = 2;
    ext2fs_blocks_count_set(&wanted, blocks);
    wanted.s_rev_level = EXT2_DYNAMIC_REV;
    wanted.s_inode_size = 256;
    wanted.s_inodes_count = static_cast<uint32_t>(ceil_div(blocks, uint64_t{kBlocksPerGroup})) * kInodesPerGroup;
    wanted.s_blocks_per_group = kBlocksPerGroup;
    wanted.s_reserved_gdt_blocks = kReservedGdtBlocks;
    wanted.s_desc_size = EXT2_MIN_DESC_SIZE_64BIT;
    wanted.s_feature_compat = kCompatible;
    wanted.s_feature_incompat = kIncompatible;
    wanted.s_feature_ro_compat = kReadOnlyCompatible;
    wanted.s_first_ino = EXT2_GOOD_OLD_FIRST_INO;
    ext2_filsys made = nullptr;
    MSB_EXT2(ext2fs_initialize(disk_.name(), EXT2_FLAG_64BITS | EXT2_FLAG_RW, &wanted, disk_.manager(), &made));
    fs_.reset(made);
    // The library leaves out a last group that is too small.
    if (ext2fs_blocks_count(fs_->super) != blocks) {
      return invalid("a disk of " + std::to_string(size) +
                     " bytes ends in a block group without room for its inodes; " + "take a multiple of 128 MiB");
    }
    ext2_super_block& super = *fs_->super;
    std::memcpy(super.s_uuid, uuid.data(), uuid.size());
    std::memcpy(super.s_hash_seed, uuid.data(), uuid.size());
    super.s_checksum_type = kCrc32c;
    ext2fs_init_csum_seed(fs_.get());
    super.s_def_hash_version = EXT2_HASH_HALF_MD4;
    super.s_flags = 0;
    super.s_max_mnt_count = -1;
    super.s_default_mount_opts = kUserXattrAndAcl;
    super.s_min_extra_isize = kExtraInodeSize;
    super.s_want_extra_isize = kExtraInodeSize;
    super.s_mkfs_time = 0;
    super.s_lastcheck = 0;
    return {};
  }

  /// Every group is laid out at once, as nothing initialises groups later.
  Done allocate() {
    MSB_EXT2(ext2fs_allocate_tables(fs_.get()));
    uint64_t overhead = 0;
    for (dgrp_t group = 0; group < fs_->group_desc_count; ++group) {
      ext2fs_bg_flags_zap(fs_.get(), group);
      ext2fs_bg_flags_set(fs_.get(), group, EXT2_BG_INODE_ZEROED);
      ext2fs_bg_itable_unused_set(fs_.get(), group, kInodesPerGroup);
      const uint32_t used = ext2fs_group_blocks_count(fs_.get(), group) - ext2fs_bg_free_blocks_count(fs_.get(), group);
      overhead += used;
    }
    fs_->super->s_overhead_clusters = static_cast<uint32_t>(overhead);
    return {};
  }

  /// Blocks are handed out in this order: resize inode, root, journal, `upper`, `work`.
  Done add_inodes() {
    for (ext2_ino_t inode = EXT2_BAD_INO; inode < EXT2_FIRST_INODE(fs_->super); ++inode) {
      if (inode != EXT2_ROOT_INO) ext2fs_inode_alloc_stats2(fs_.get(), inode, 1, 0);
    }
    MSB_EXT2(ext2fs_create_resize_inode(fs_.get()));
    MSB_EXT2(ext2fs_mkdir(fs_.get(), EXT2_ROOT_INO, EXT2_ROOT_INO, nullptr));
    blk64_t next = 0;
    MSB_EXT2(ext2fs_new_block2(fs_.get(), 0, nullptr, &next));
    constexpr int kNewFile = EXT2_MKJOURNAL_NO_MNT_CHECK | EXT2_MKJOURNAL_LAZYINIT;
    MSB_EXT2(ext2fs_add_journal_inode2(fs_.get(), kJournalBlocks, next, kNewFile));
    journal_ = next;
    for (const char* name : {"upper", "work"}) MSB_EXT2(ext2fs_mkdir(fs_.get(), EXT2_ROOT_INO, 0, name));
    for (const ext2_ino_t inode : {2U, 7U, 8U, 11U, 12U}) MSB_CHECK(forget_times(inode));
    return {};
  }

  /// The library dates what it makes.
  Done forget_times(ext2_ino_t number) {
    ext2_inode_large inode{};
    auto* small = reinterpret_cast<ext2_inode*>(&inode);
    MSB_EXT2(ext2fs_read_inode_full(fs_.get(), number, small, sizeof inode));
    inode.i_atime = inode.i_ctime = inode.i_mtime = inode.i_crtime = 0;
    inode.i_extra_isize = kExtraInodeSize;
    MSB_EXT2(ext2fs_write_inode_full(fs_.get(), number, small, sizeof inode));
    return {};
  }

  /// A journal with checksums, which the kernel would otherwise turn on at the first mount.
  Done complete_journal() {
    std::vector<std::byte> block(kSuperblock);
    MSB_CHECK(file_.read_exactly_at(block, journal_ * uint64_t{kBlock}));
    store_le(block, kJournalIncompatible, __builtin_bswap32(kRevoke64BitChecksumV3));
    block[kJournalChecksumType] = kJournalCrc32c;
    std::memcpy(block.data() + kJournalUuid, fs_->super->s_uuid, sizeof fs_->super->s_uuid);
    const uint32_t checksum = ext2fs_crc32c_le(~0U, reinterpret_cast<const unsigned char*>(block.data()), block.size());
    store_le(block, kJournalChecksum, __builtin_bswap32(checksum));
    return file_.write_at(block, journal_ * uint64_t{kBlock});
  }

  Done finish() {
    for (dgrp_t group = 0; group < fs_->group_desc_count; ++group) ext2fs_group_desc_csum_set(fs_.get(), group);
    MSB_EXT2(ext2fs_flush(fs_.get()));
    if (disk_.failed()) return disk_.failure(EIO);  // the library makes nothing of failures to write copies
    // Superblocks are dated on their way out, and the copies are marked as not clean.
    for (dgrp_t group = 0; group < fs_->group_desc_count; ++group) {
      if (ext2fs_bg_has_super(fs_.get(), group) == 0) continue;
      const uint64_t at = group == 0 ? kSuperblock : uint64_t{group} * kBlocksPerGroup * kBlock;
      ext2_super_block super{};
      const MutableBytes bytes = std::as_writable_bytes(std::span(&super, 1));
      MSB_CHECK(file_.read_exactly_at(bytes, at));
      super.s_wtime = 0;
      super.s_state = EXT2_VALID_FS;
      // The size of the journal, in the order of microsandbox.
      super.s_jnl_blocks[15] = kJournalBlocks * kBlock;
      super.s_jnl_blocks[16] = 0;
      MSB_EXT2(ext2fs_superblock_csum_set(fs_.get(), &super));
      MSB_CHECK(file_.write_at(bytes, at));
    }
    return {};
  }

  const os::File& file_;
  Disk disk_;
  std::unique_ptr<struct_ext2_filsys, Free> fs_;
  uint64_t journal_ = 0;  // its first block
};

#undef MSB_EXT2

}  // namespace

Done check_upper_size(uint64_t size) {
  const std::string text = "a disk of " + std::to_string(size) + " bytes ";
  if (size % kBlock != 0) return invalid(text + "is no multiple of 4096");
  if (size < kSmallest) return invalid(text + "is too small; take 68 MiB or more");
  if (size > kLargest) return invalid(text + "is too large; take less than 16 TiB");
  return {};
}

Uuid random_upper_uuid() {
  Uuid uuid{};
  if (::getrandom(uuid.data(), uuid.size(), 0) != static_cast<ssize_t>(uuid.size())) std::abort();
  uuid[6] = (uuid[6] & std::byte{0x0F}) | std::byte{0x40};
  uuid[7] = (uuid[7] & std::byte{0x3F}) | std::byte{0x80};
  return uuid;
}

Done format_upper(const os::File& file, uint64_t size, const Uuid& uuid, const Call& call) {
  MSB_CHECK(check_upper_size(size));
  return Format(file, call).run(size, uuid);
}

}  // namespace msb::sandbox
