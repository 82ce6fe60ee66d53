#include "snapshot/disk_stream.h"

#include <algorithm>

namespace msb::snapshot {
namespace {

constexpr uint64_t kBlock = 4096;  // what a filesystem can leave out
constexpr uint64_t kFlushStep = uint64_t{8} << 20;

}  // namespace

DiskStream::DiskStream(const os::File* file, uint64_t size, const std::vector<tree::Run>& runs,
                       std::optional<Algorithm> algorithm)
    : file_(file), size_(size), runs_(&runs) {
  if (algorithm) hash_.emplace(*algorithm, size);
}

Done DiskStream::write(Bytes stored) {
  while (!stored.empty()) {
    while (run_ < runs_->size() && taken_ == (*runs_)[run_].stored + (*runs_)[run_].length) ++run_;
    if (run_ == runs_->size()) return Error(Status::internal, "a disk got more content than its runs have");
    const tree::Run& run = (*runs_)[run_];
    const uint64_t into = taken_ - run.stored;
    const auto part = static_cast<size_t>(std::min<uint64_t>(stored.size(), run.length - into));
    MSB_CHECK(place(stored.first(part), run.logical + into));
    taken_ += part;
    stored = stored.subspan(part);
  }
  return {};
}

/// Zeros count for the hash only.
Done DiskStream::place(Bytes bytes, uint64_t offset) {
  while (!bytes.empty()) {
    // As many blocks as are alike.
    size_t length = 0;
    bool zero = false;
    while (length < bytes.size()) {
      const uint64_t to_boundary = kBlock - (offset + length) % kBlock;
      const Bytes block =
          bytes.subspan(length, static_cast<size_t>(std::min<uint64_t>(to_boundary, bytes.size() - length)));
      const bool block_zero = is_zero(block);
      if (length == 0) zero = block_zero;
      if (block_zero != zero) break;
      length += block.size();
    }
    if (!zero) {
      if (file_ != nullptr) MSB_CHECK(file_->write_at(bytes.first(length), offset));
      written_ += length;
      hash_zeros_to(offset);
      if (hash_) hash_->update(bytes.first(length));
      hashed_ = offset + length;
    }
    offset += length;
    bytes = bytes.subspan(length);
  }
  if (file_ != nullptr && offset - flushed_ >= kFlushStep) {
    file_->start_writeback(flushed_, offset - flushed_);
    flushed_ = offset;
  }
  return {};
}

void DiskStream::hash_zeros_to(uint64_t offset) {
  if (hash_ && hashed_ < offset) hash_->zeros(offset - hashed_);
  hashed_ = offset;
}

Result<std::optional<Digest>> DiskStream::finish() {
  if (file_ != nullptr) MSB_CHECK(file_->truncate(size_));
  if (!hash_) return std::optional<Digest>();
  hash_zeros_to(size_);
  return std::optional(hash_->digest());
}

}  // namespace msb::snapshot
