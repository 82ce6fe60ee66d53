#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/call.h"
#include "base/stream.h"
#include "os/file.h"
#include "os/fs.h"

namespace msb::snapshot {

/// The bytes of an archive file, or of what a caller's descriptor yields. Counts what has been read; any thread may
/// ask.
class ArchiveSource final : public ByteSource {
 public:
  /// Opens `path`, or reads `fd` where that is empty; it stays the caller's. `call` outlives the source.
  static Result<std::unique_ptr<ArchiveSource>> open(os::Fs& fs, const std::string& path, int fd, const Call& call);

  Result<size_t> read(MutableBytes into) override;
  Result<uint64_t> skip(uint64_t size) override;

  uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }
  /// Bytes there are; nothing for a pipe.
  std::optional<uint64_t> total() const { return total_; }

 private:
  ArchiveSource() = default;

  os::File file_;
  std::unique_ptr<ByteSource> bytes_;
  std::optional<uint64_t> total_;
  std::atomic<uint64_t> taken_{0};
};

}  // namespace msb::snapshot
