#include "archive/spool.h"

namespace msb::archive {
namespace {

constexpr size_t kBufferSize = size_t{256} << 10;
constexpr size_t kLarge = size_t{64} << 10;

}  // namespace

Result<uint64_t> Spool::begin() {
  MSB_CHECK(align());
  return offset_;
}

Done Spool::write(Bytes bytes) {
  if (bytes.size() >= kLarge) {
    MSB_CHECK(flush());
    MSB_CHECK(file_->write_at(bytes, offset_));
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
  MSB_CHECK(file_->write_at(buffer_, offset_ - buffer_.size()));
  buffer_.clear();
  return {};
}

}  // namespace msb::archive
