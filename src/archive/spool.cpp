#include "archive/spool.h"

namespace msb::archive {
namespace {

constexpr size_t kBufferSize = size_t{256} << 10;
constexpr size_t kLarge = size_t{64} << 10;
constexpr uint64_t kWriteback = uint64_t{8} << 20;  // what goes to the disk together

}  // namespace

Result<uint64_t> Spool::begin() {
  MSB_CHECK(align());
  return offset_;
}

Done Spool::write(Bytes bytes) {
  if (bytes.size() >= kLarge) {
    MSB_CHECK(flush());
    MSB_CHECK(put(bytes, offset_));
    offset_ += bytes.size();
    return {};
  }
  if (buffer_.size() + bytes.size() > kBufferSize) MSB_CHECK(flush());
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  offset_ += bytes.size();
  return {};
}

Done Spool::finish() {
  MSB_CHECK(align());
  return flush();
}

Done Spool::align() {
  static constexpr std::byte kZeros[kAlignment] = {};
  return write(Bytes(kZeros).first(align_up(offset_, kAlignment) - offset_));
}

Done Spool::flush() {
  if (buffer_.empty()) return {};
  MSB_CHECK(put(buffer_, offset_ - buffer_.size()));
  buffer_.clear();
  return {};
}

Done Spool::put(Bytes bytes, uint64_t offset) {
  MSB_CHECK(file_->write_at(bytes, offset));
  const uint64_t end = offset + bytes.size();
  if (end - written_back_ < kWriteback) return {};
  // The disk works while the rest of the layer comes, so that the sync at the end has little to wait for.
  file_->start_writeback(written_back_, end - written_back_);
  written_back_ = end;
  return {};
}

}  // namespace msb::archive
