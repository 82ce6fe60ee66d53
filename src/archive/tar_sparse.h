#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "archive/tar_header.h"
#include "base/result.h"
#include "tree/tree.h"

namespace msb::archive {

/// The runs of a sparse file from its map (offset, length, offset, …): ascending, apart from each other, inside `size`
/// and together `stored` bytes long, or image_invalid. Empty runs, which only mark the end, are left out.
Result<std::vector<tree::Run>> make_runs(std::span<const uint64_t> map, uint64_t size, uint64_t stored);

/// Reads the offset and length pairs of an old GNU sparse header (4 at 386) or of a block that continues it (21 at 0).
/// The first empty pair ends the list. False when a pair is no number.
bool read_gnu_pairs(const TarHeader& block, size_t offset, size_t count, std::vector<uint64_t>& map);

/// The map that PAX format 1.0 puts before the content: the number of pairs, then the pairs, one decimal number a line.
class SparseMapParser {
 public:
  /// Takes the next block; false when it is malformed or lists more than `max_runs`.
  bool take(Bytes block, uint64_t max_runs);
  bool finished() const { return expected_ && map_.size() == 2 * *expected_; }
  const std::vector<uint64_t>& map() const { return map_; }

 private:
  std::optional<uint64_t> expected_;
  uint64_t number_ = 0;
  int digits_ = 0;
  std::vector<uint64_t> map_;
};

}  // namespace msb::archive
