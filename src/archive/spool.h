#pragma once

#include <cstdint>
#include <vector>

#include "base/stream.h"
#include "os/file.h"

namespace msb::archive {

/// Appends the content of files to a file, each at a multiple of 4096 and with zeros up to the next, so that whoever
/// lays out a file system can copy whole blocks. Small files leave together, large ones are not copied on the way.
class Spool final : public ByteSink {
 public:
  static constexpr uint64_t kAlignment = 4096;

  /// `file` must outlive the spool; it is written from the start.
  explicit Spool(const os::File& file) : file_(&file) {}

  /// Ends the content before and begins another. Returns its offset in the file.
  Result<uint64_t> begin();
  Done write(Bytes bytes) override;
  /// Writes out what is held back.
  Done finish();

 private:
  Done align();
  Done flush();
  Done put(Bytes bytes, uint64_t offset);

  const os::File* file_;
  uint64_t offset_ = 0;        // where the next byte goes, buffered ones included
  uint64_t written_back_ = 0;  // up to there the disk has been told
  std::vector<std::byte> buffer_;
};

}  // namespace msb::archive
