#pragma once

#include <cstdint>
#include <optional>

#include "base/call.h"
#include "os/file.h"

namespace msb::os {

/// Bytes that the file takes on disk. Clones count the blocks they share.
inline uint64_t allocated_bytes(const struct stat& st) { return static_cast<uint64_t>(st.st_blocks) * 512; }

struct Extent {
  uint64_t offset = 0;
  uint64_t length = 0;

  bool operator==(const Extent&) const = default;
};

/// Walks the ranges of a file that hold data (SEEK_DATA, SEEK_HOLE); everything between them reads as zeros. Where the
/// filesystem cannot tell, the whole file is one range. Zeros that were written count as data. The file must outlive
/// it.
class DataExtents {
 public:
  explicit DataExtents(const File& file) : file_(&file) {}
  /// The next range, in order of offset; nothing at the end.
  Result<std::optional<Extent>> next();

 private:
  Result<std::optional<uint64_t>> seek(int whence);

  const File* file_;
  uint64_t at_ = 0;
};

/// Bytes in those ranges.
Result<uint64_t> data_bytes(const File& file, const Call& call);

/// Makes `to`, which is empty, share the blocks of `from` (FICLONE). False where that is not possible.
Result<bool> clone(const File& from, const File& to);

enum class CopyMethod {
  clone,  ///< the copy shares the blocks of its source (FICLONE): constant time
  copy,   ///< data ranges were copied, inside the kernel where it can; holes stayed holes
};

struct Copied {
  CopyMethod method = CopyMethod::copy;
  uint64_t bytes = 0;  ///< bytes of data moved; 0 for a clone
};

/// Makes `to`, open for writing, an exact copy of the content of `from`, on up to `threads` threads. What `to` held is
/// lost, also on failure. Nothing is synced, but it is on its way to the disk. Fails when `from` changes meanwhile
/// (stamp.h). Reports Phase::copying with done and total in bytes of data; `progress` brings item, index and count.
Result<Copied> copy_sparse(const File& from, const File& to, unsigned threads, const Call& call,
                           Progress progress = {});

}  // namespace msb::os
