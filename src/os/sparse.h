#pragma once

#include <cstdint>
#include <optional>
#include <vector>

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

/// Walks the ranges of a file that hold data (SEEK_DATA, SEEK_HOLE); everything between them reads as zeros. Zeros that
/// were written count as data, but for filesystems that cannot tell, or no longer: there the rest is read, and blocks
/// of zeros are the holes. The file must outlive it.
class DataExtents {
 public:
  explicit DataExtents(const File& file) : file_(&file) {}
  /// The next range, in order of offset; nothing at the end.
  Result<std::optional<Extent>> next(const Call& call = Call());

 private:
  enum class Answer { place, end, unknown };

  /// Moves to the next place of that kind.
  Result<Answer> seek(int whence);
  Result<std::optional<Extent>> read_on(const Call& call);

  const File* file_;
  uint64_t at_ = 0;
  bool reads_ = false;  // the filesystem cannot tell
  std::vector<std::byte> buffer_;
  size_t filled_ = 0;  // bytes of the buffer that were read at begin_
  uint64_t begin_ = 0;
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
