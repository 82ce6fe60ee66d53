#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "digest/blake3_engine.h"

namespace msb::blake3 {

/// The tree of BLAKE3 over a stream. A chunk enters it only when a byte behind the chunk is known, so whatever is
/// complete in it is not the root and can be reduced at once, many nodes side by side.
class Tree {
 public:
  explicit Tree(const Engine& engine) : engine_(&engine) {}

  void update(Bytes input);
  std::array<std::byte, 32> value() const;
  void reset();

 private:
  static constexpr size_t kMaxLevels = 54;  // 2^64 bytes of chunks
  static constexpr size_t kBatch = 64;      // chunks in one go: enough for every engine to run full

  void add_chunks(const std::byte* const* chunks, size_t count);

  const Engine* engine_;
  uint64_t chunks_ = 0;
  size_t filled_ = 0;
  std::array<std::byte, kChunkBytes> last_;  // the chunk that is not in the tree: its first `filled_` bytes
  // A binary counter of subtrees: bit n of chunks_ says that waiting_[n] is one of 2^n chunks without its sibling.
  std::array<ChainingValue, kMaxLevels> waiting_;
};

}  // namespace msb::blake3
