#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "os/sparse.h"

namespace msb::snapshot {

/// A stretch of a file that begins at a multiple of kWindowBytes, and the data in it.
struct Window {
  uint64_t sequence = 0;  ///< 0, 1, 2, … in the order they are handed out
  uint64_t offset = 0;
  std::vector<os::Extent> data;  ///< in order; never empty, never beyond the window
};

/// Cuts the data of a file into windows that threads take one by one. Windows of holes alone are left out. The file
/// must outlive it.
class DataWindows {
 public:
  static constexpr uint64_t kWindowBytes = uint64_t{4} << 20;

  /// Data from `size` on is left out: it was appended meanwhile.
  DataWindows(const os::File& file, uint64_t size) : extents_(file), size_(size) {}

  /// The next window, into `window`, whose memory is used again; false at the end. Any thread.
  Result<bool> next(Window& window);

 private:
  Done fetch();

  std::mutex mutex_;
  os::DataExtents extents_;
  const uint64_t size_;
  std::optional<os::Extent> ahead_;  // data that is not handed out yet
  bool begun_ = false;
  uint64_t sequence_ = 0;
};

}  // namespace msb::snapshot
