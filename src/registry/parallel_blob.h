#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/stream.h"
#include "registry/blob_stream.h"

namespace msb::registry {

/// A blob that comes in pieces over several connections at once where one is slow, and is read in order; otherwise like
/// BlobStream. What waits to be read is bounded: kConnections + 1 pieces. A registry that knows no ranges, or brings
/// the first pieces quickly, is read over one connection: every request costs both sides something.
class ParallelBlob final : public ByteSource {
 public:
  static constexpr unsigned kConnections = 3;
  static constexpr uint64_t kPiece = uint64_t{2} << 20;
  static constexpr uint64_t kHead = 2;  ///< pieces that tell how quick one connection is
  static constexpr std::chrono::milliseconds kQuick{50};

  /// All outlive the object. A head that takes longer than `quick`, from its first byte on, calls for more connections.
  /// Yields the bytes from `begin` on.
  ParallelBlob(Registry& registry, oci::Descriptor descriptor, const Call& call, uint64_t begin = 0,
               uint64_t piece = kPiece, std::chrono::milliseconds quick = kQuick);
  ParallelBlob(const ParallelBlob&) = delete;
  ParallelBlob& operator=(const ParallelBlob&) = delete;
  ~ParallelBlob() override;

  Result<size_t> read(MutableBytes into) override;

 private:
  using Piece = std::vector<std::byte>;

  Result<size_t> read_first(MutableBytes into);
  void start();
  uint64_t length() const { return descriptor_.size - begin_; }
  uint64_t head() const { return std::min(length(), kHead * piece_); }
  void fetch_pieces();
  Result<Piece> fetch(uint64_t number);
  uint64_t pieces() const { return ceil_div(length(), piece_); }

  Registry& registry_;
  const oci::Descriptor descriptor_;
  const uint64_t begin_;
  const uint64_t piece_;
  const std::chrono::milliseconds quick_;
  CancelToken stop_;
  const Call call_;
  BlobStream first_;  // the head, and all where nobody helps
  bool alone_ = true;
  uint64_t passed_ = 0;  // bytes of it that read() has returned
  Call::Clock::duration waited_{};

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t next_ = kHead;     // piece that nobody fetches yet
  uint64_t reading_ = kHead;  // piece that read() is at
  size_t used_ = 0;           // bytes of it that read() has passed on
  std::map<uint64_t, Piece> ready_;
  std::optional<Error> failure_;
  std::vector<std::thread> threads_;
};

}  // namespace msb::registry
