#pragma once

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

/// A blob that comes in pieces over several connections at once, and is read in order; otherwise like BlobStream. What
/// waits to be read is bounded: kConnections + 1 pieces. A registry that knows no ranges is read over one connection.
class ParallelBlob final : public ByteSource {
 public:
  static constexpr unsigned kConnections = 3;
  static constexpr uint64_t kPiece = uint64_t{2} << 20;

  /// All outlive the object.
  ParallelBlob(Registry& registry, oci::Descriptor descriptor, const Call& call, uint64_t piece = kPiece);
  ParallelBlob(const ParallelBlob&) = delete;
  ParallelBlob& operator=(const ParallelBlob&) = delete;
  ~ParallelBlob() override;

  Result<size_t> read(MutableBytes into) override;

 private:
  using Piece = std::vector<std::byte>;

  Result<size_t> read_first(MutableBytes into);
  void start();
  void fetch_pieces();
  Result<Piece> fetch(uint64_t number);
  uint64_t pieces() const { return ceil_div(descriptor_.size, piece_); }

  Registry& registry_;
  const oci::Descriptor descriptor_;
  const uint64_t piece_;
  CancelToken stop_;
  const Call call_;
  // The first piece tells whether the registry knows ranges; where it does not, this goes on to the end.
  BlobStream first_;
  bool alone_ = true;
  uint64_t passed_ = 0;  // bytes that read() has returned

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t next_ = 1;     // piece that nobody fetches yet
  uint64_t reading_ = 1;  // piece that read() is at
  size_t used_ = 0;       // bytes of it that read() has passed on
  std::map<uint64_t, Piece> ready_;
  std::optional<Error> failure_;
  std::vector<std::thread> threads_;
};

}  // namespace msb::registry
