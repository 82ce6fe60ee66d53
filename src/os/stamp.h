#pragma once

#include <cstdint>
#include <string>

#include "os/file.h"

namespace msb::os {

/// Which file it is and when it last changed. Two that are equal, one from before and one from after some work, say
/// that the content stayed the same; except that writes through a memory mapping, and two writes within one tick of the
/// clock (some milliseconds), may go unseen.
struct Stamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;  ///< of the inode: owner, mode and links too

  static Stamp of(const struct stat& st);
  static Result<Stamp> of(const File& file);
  /// Of what has the name `path` now; a final symlink is not followed.
  static Result<Stamp> of(Fs& fs, const std::string& path);

  bool operator==(const Stamp&) const = default;
};

}  // namespace msb::os
