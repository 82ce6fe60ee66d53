#include "os/data_windows.h"

#include <algorithm>

namespace msb::os {

uint64_t Window::data_bytes() const {
  uint64_t bytes = 0;
  for (const Extent& extent : data) bytes += extent.length;
  return bytes;
}

size_t window_crew(uint64_t data_bytes, unsigned threads) {
  const uint64_t windows = ceil_div(data_bytes, kWindowBytes);
  return static_cast<size_t>(std::clamp<uint64_t>(windows, 1, std::max(threads, 1U)));
}

Done DataWindows::fetch(const Call& call) {
  begun_ = true;
  MSB_TRY(ahead_, extents_.next(call));
  if (!ahead_) return {};
  const uint64_t end = std::min(ahead_->offset + ahead_->length, size_);
  if (ahead_->offset >= end) {
    ahead_.reset();
  } else {
    ahead_->length = end - ahead_->offset;
  }
  return {};
}

Result<bool> DataWindows::next(Window& window, const Call& call) {
  std::lock_guard lock(mutex_);
  window.data.clear();
  if (!begun_) MSB_CHECK(fetch(call));
  if (!ahead_) return false;
  window.sequence = sequence_++;
  window.offset = ahead_->offset / kWindowBytes * kWindowBytes;
  const uint64_t end = window.offset + kWindowBytes;
  while (ahead_ && ahead_->offset < end) {
    const uint64_t length = std::min(ahead_->length, end - ahead_->offset);
    window.data.push_back({ahead_->offset, length});
    if (length == ahead_->length) {
      MSB_CHECK(fetch(call));
    } else {
      ahead_->offset += length;
      ahead_->length -= length;
    }
  }
  return true;
}

Done WindowWriter::write(const Window& window, Bytes bytes, uint64_t offset) {
  std::lock_guard lock(mutex_);
  for (const Extent& extent : window.data) {
    const uint64_t begin = std::max(extent.offset, offset);
    const uint64_t end = std::min(extent.offset + extent.length, offset + bytes.size());
    if (begin < end) MSB_CHECK(to_->write_at(bytes.subspan(begin - offset, end - begin), begin));
  }
  return {};
}

}  // namespace msb::os
