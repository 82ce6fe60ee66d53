#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/stream.h"
#include "os/file.h"
#include "snapshot/integrity.h"
#include "tree/tree.h"

namespace msb::snapshot {

/// Takes the stored bytes of a member in order and puts each where it belongs: into a file, whose blocks of zeros
/// become holes whether they were stored or not, and into the hash of its content. Used on the way in and on the way
/// out (there without a file).
class DiskStream final : public ByteSink {
 public:
  /// `file` (may be null) is empty; it, and `runs`, which lie in order inside `size`, outlive the object. `algorithm`
  /// is what is hashed, if anything.
  DiskStream(const os::File* file, uint64_t size, const std::vector<tree::Run>& runs,
             std::optional<Algorithm> algorithm);

  Done write(Bytes stored) override;
  /// Completes the file and the hash. The digest, if there is an algorithm.
  Result<std::optional<Digest>> finish();

  /// Bytes that went to the file.
  uint64_t written() const { return written_; }

 private:
  Done place(Bytes bytes, uint64_t offset);
  void hash_zeros_to(uint64_t offset);

  const os::File* file_;
  const uint64_t size_;
  const std::vector<tree::Run>* runs_;
  std::optional<ContentHash> hash_;
  size_t run_ = 0;
  uint64_t taken_ = 0;   // stored bytes
  uint64_t hashed_ = 0;  // bytes of the disk
  uint64_t written_ = 0;
  uint64_t flushed_ = 0;  // bytes of the disk that are on their way out
};

}  // namespace msb::snapshot
