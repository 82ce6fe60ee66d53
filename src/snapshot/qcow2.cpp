#include "snapshot/qcow2.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/bytes.h"

namespace msb::snapshot {
namespace {

constexpr uint32_t kMagic = 0x514649FB;  // "QFI" and FB
constexpr size_t kHeader = 72;           // of version 2; version 3 goes on
constexpr size_t kLongHeader = 104;
constexpr uint64_t kMaxL1Bytes = uint64_t{32} << 20;  // QEMU's own limit
constexpr size_t kEntry = 8;
constexpr size_t kStep = size_t{256} << 10;

// Incompatible features: after a crash reference counts may be wrong, and they are not used here.
constexpr uint64_t kDirty = 1;

// Entries of the tables.
constexpr uint64_t kOffset = 0x00FFFFFFFFFFFE00;
constexpr uint64_t kCompressed = uint64_t{1} << 62;
constexpr uint64_t kCopied = uint64_t{1} << 63;
constexpr uint64_t kZero = 1;

class Image {
 public:
  Image(const os::File& image, const os::File& disk, uint64_t size, const Call& call, Progress& progress)
      : image_(image), disk_(disk), size_(size), call_(call), progress_(progress) {}

  Done apply() {
    MSB_TRY(file_size_, image_.size());
    MSB_CHECK(read_header());
    const uint64_t covered = cluster_ / kEntry * cluster_;  // by one L2 table
    const uint64_t tables = ceil_div(size_, covered);
    if (tables > l1_size_) return damaged("has too few tables for its size");
    std::vector<std::byte> l1(static_cast<size_t>(std::min<uint64_t>(tables * kEntry, kStep)));
    for (uint64_t i = 0; i < tables; ++i) {
      const uint64_t at = i * kEntry % kStep;
      if (at == 0) {
        const uint64_t left = (tables - i) * kEntry;
        l1.resize(static_cast<size_t>(std::min<uint64_t>(left, kStep)));
        MSB_CHECK(read_table(l1, l1_offset_ + i * kEntry));
      }
      const auto entry = load_be<uint64_t>(l1, static_cast<size_t>(at));
      if ((entry & ~(kOffset | kCopied)) != 0) return damaged("has an entry in its first table that is none");
      if ((entry & kOffset) != 0) MSB_CHECK(apply_table(entry & kOffset, i * covered));
      MSB_CHECK(reached(std::min(size_, (i + 1) * covered)));
    }
    return {};
  }

 private:
  Error damaged(const std::string& what) const {
    return Error(Status::snapshot_integrity, "the layer " + image_.path() + " " + what).with("path", image_.path());
  }
  Error beyond(const std::string& what) const {
    return Error(Status::unsupported, "the layer " + image_.path() + " " + what + ", which this library lacks")
        .with("path", image_.path());
  }

  Done read_header() {
    std::vector<std::byte> header(kLongHeader);
    MSB_TRY(const size_t got, image_.read_at(header, 0));
    if (got < kHeader || load_be<uint32_t>(header, 0) != kMagic) return damaged("is no qcow2 image");
    const auto version = load_be<uint32_t>(header, 4);
    if (version != 2 && version != 3) return beyond("is of qcow2 version " + std::to_string(version));
    const auto bits = load_be<uint32_t>(header, 20);
    if (bits < 9 || bits > 21) return damaged("has clusters of an odd size");
    cluster_ = uint64_t{1} << bits;
    const auto size = load_be<uint64_t>(header, 24);
    if (size != size_) {
      return damaged("is of a disk of " + std::to_string(size) + " bytes, not " + std::to_string(size_));
    }
    if (load_be<uint32_t>(header, 32) != 0) return beyond("is encrypted");
    l1_size_ = load_be<uint32_t>(header, 36);
    l1_offset_ = load_be<uint64_t>(header, 40);
    if (l1_size_ * kEntry > kMaxL1Bytes) return damaged("has a first table that is too large");
    if (version == 2) return {};
    if (got < kLongHeader) return damaged("is cut short");
    zeros_known_ = true;
    const uint64_t features = load_be<uint64_t>(header, 72) & ~kDirty;
    if (features != 0) return beyond("has features of qcow2 (" + std::to_string(features) + ")");
    return {};
  }

  /// A table lies whole in the file, at a cluster.
  Done read_table(MutableBytes into, uint64_t offset) const {
    const auto end = checked_add<uint64_t>(offset, into.size());
    if (offset == 0 || offset % kEntry != 0 || !end || *end > file_size_) return damaged("has a table outside of it");
    return image_.read_exactly_at(into, offset);
  }

  Done apply_table(uint64_t offset, uint64_t begin) {
    if (offset % cluster_ != 0) return damaged("has a table that does not begin at a cluster");
    const uint64_t clusters = std::min(cluster_ / kEntry, ceil_div(size_ - begin, cluster_));
    table_.resize(static_cast<size_t>(clusters * kEntry));
    MSB_CHECK(read_table(table_, offset));
    for (uint64_t i = 0; i < clusters; ++i) {
      const auto entry = load_be<uint64_t>(table_, static_cast<size_t>(i * kEntry));
      const uint64_t at = begin + i * cluster_;
      if (entry != 0) MSB_CHECK(apply_cluster(entry, at, std::min(cluster_, size_ - at)));
    }
    return {};
  }

  Done apply_cluster(uint64_t entry, uint64_t at, uint64_t length) {
    if ((entry & kCompressed) != 0) return beyond("is compressed");
    const uint64_t offset = entry & kOffset;
    const bool zero = (entry & kZero) != 0;
    if ((entry & ~(kOffset | kCopied | kZero)) != 0 || (zero && !zeros_known_)) {
      return damaged("has an entry for a cluster that is none");
    }
    if (zero) return clear(at, length);
    if (offset == 0) return {};  // only the bit that says who else has it
    if (offset % cluster_ != 0 || offset >= file_size_) return damaged("has a cluster outside of it");
    // Where the file ends within its last cluster, zeros follow, as for QEMU.
    const uint64_t stored = std::min(length, file_size_ - offset);
    written_ += stored;
    if (written_ > file_size_) return damaged("has clusters that are there more than once");
    MSB_CHECK(disk_.copy_range(image_, offset, at, stored, call_));
    MSB_CHECK(clear(at + stored, length - stored));
    return reached(at + length);
  }

  Done clear(uint64_t at, uint64_t length) const {
    if (length == 0) return {};
    const int done = disk_.fs().fallocate(disk_.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length);
    if (done == 0) return {};
    static constexpr std::array<std::byte, 4096> kZeros{};
    for (uint64_t cleared = 0; cleared < length;) {
      const uint64_t step = std::min<uint64_t>(length - cleared, kZeros.size());
      MSB_CHECK(disk_.write_at(Bytes(kZeros).first(static_cast<size_t>(step)), at + cleared));
      cleared += step;
    }
    return {};
  }

  Done reached(uint64_t at) {
    progress_.done = at;
    call_.report(progress_);
    return call_.check();
  }

  const os::File& image_;
  const os::File& disk_;
  const uint64_t size_;
  const Call& call_;
  Progress& progress_;
  uint64_t file_size_ = 0;
  uint64_t cluster_ = 0;
  uint64_t l1_size_ = 0;
  uint64_t l1_offset_ = 0;
  bool zeros_known_ = false;
  uint64_t written_ = 0;  // an image names each of its clusters once, and this bounds the work
  std::vector<std::byte> table_;
};

}  // namespace

Done apply_qcow2(const os::File& image, const os::File& disk, uint64_t size, const Call& call, Progress progress) {
  return Image(image, disk, size, call, progress).apply();
}

}  // namespace msb::snapshot
