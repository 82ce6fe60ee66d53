#include "snapshot/data_windows.h"

#include <algorithm>

namespace msb::snapshot {

Done DataWindows::fetch() {
  begun_ = true;
  MSB_TRY(ahead_, extents_.next());
  if (!ahead_) return {};
  const uint64_t end = std::min(ahead_->offset + ahead_->length, size_);
  if (ahead_->offset >= end) {
    ahead_.reset();
  } else {
    ahead_->length = end - ahead_->offset;
  }
  return {};
}

Result<bool> DataWindows::next(Window& window) {
  std::lock_guard lock(mutex_);
  window.data.clear();
  if (!begun_) MSB_CHECK(fetch());
  if (!ahead_) return false;
  window.sequence = sequence_++;
  window.offset = ahead_->offset / kWindowBytes * kWindowBytes;
  const uint64_t end = window.offset + kWindowBytes;
  while (ahead_ && ahead_->offset < end) {
    const uint64_t length = std::min(ahead_->length, end - ahead_->offset);
    window.data.push_back({ahead_->offset, length});
    if (length == ahead_->length) {
      MSB_CHECK(fetch());
    } else {
      ahead_->offset += length;
      ahead_->length -= length;
    }
  }
  return true;
}

}  // namespace msb::snapshot
