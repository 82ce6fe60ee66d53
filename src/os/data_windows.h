#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "os/sparse.h"

namespace msb::os {

/// A stretch of a file that begins at a multiple of kWindowBytes, and the data in it.
struct Window {
  uint64_t sequence = 0;  ///< 0, 1, 2, … in the order they are handed out
  uint64_t offset = 0;
  std::vector<Extent> data;  ///< in order; never empty, never beyond the window

  uint64_t data_bytes() const;
};
constexpr uint64_t kWindowBytes = uint64_t{4} << 20;

/// What to read of a window at a time: large enough for the kernel, small enough to be used from the processor's own
/// cache. Larger writes are slower, because the kernel looks for as much memory in one piece.
constexpr size_t kWindowStep = size_t{256} << 10;

/// How many of `threads` threads have something to do for so many bytes of data; at least 1.
size_t window_crew(uint64_t data_bytes, unsigned threads);

/// Cuts the data of a file into windows that threads take one by one. Windows of holes alone are left out. The file
/// must outlive it.
class DataWindows {
 public:
  /// Data from `size` on is left out: it was appended meanwhile.
  DataWindows(const File& file, uint64_t size) : extents_(file), size_(size) {}

  /// The next window, into `window`, whose memory is used again; false at the end. Any thread.
  Result<bool> next(Window& window, const Call& call = Call());

 private:
  Done fetch(const Call& call);

  std::mutex mutex_;
  DataExtents extents_;
  const uint64_t size_;
  std::optional<Extent> ahead_;  // data that is not handed out yet
  bool begun_ = false;
  uint64_t sequence_ = 0;
};

/// Where threads put copies of windows. Filesystems take one write to a file at a time, and whoever waits in the kernel
/// spins; here they sleep.
class WindowWriter {
 public:
  explicit WindowWriter(const File& to) : to_(&to) {}

  /// Writes what is data of the window among `bytes`, which belong at `offset`. Holes stay holes. Any thread.
  Done write(const Window& window, Bytes bytes, uint64_t offset);
  /// All of the window has been written. Its way to the disk begins, so that a sync at the end finds little to do.
  void finish(const Window& window) { to_->start_writeback(window.offset, kWindowBytes); }

 private:
  const File* to_;
  std::mutex mutex_;
};

}  // namespace msb::os
