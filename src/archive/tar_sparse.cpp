#include "archive/tar_sparse.h"

#include "archive/tar_entry.h"

namespace msb::archive {

Result<std::vector<tree::Run>> make_runs(std::span<const uint64_t> map, uint64_t size, uint64_t stored) {
  if (map.size() % 2 != 0) return refuse_tar("a sparse map has an odd number of values");
  std::vector<tree::Run> runs;
  uint64_t end = 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < map.size(); i += 2) {
    const uint64_t logical = map[i];
    const uint64_t length = map[i + 1];
    if (logical < end || logical > size || length > size - logical) {
      return refuse_tar("the runs of a sparse file overlap, are out of order or pass its end");
    }
    if (length != 0) runs.push_back({logical, length, sum});
    end = logical + length;
    sum += length;  // cannot overflow: the runs lie apart inside `size`
  }
  if (sum != stored) return refuse_tar("the runs of a sparse file do not add up to its content");
  return runs;
}

bool read_gnu_pairs(const TarHeader& block, size_t offset, size_t count, std::vector<uint64_t>& map) {
  for (size_t i = 0; i < count; ++i, offset += 24) {
    if (block.field(offset, 1)[0] == '\0') break;
    const auto logical = block.number(offset, 12);
    const auto length = block.number(offset + 12, 12);
    if (!logical || !length || *logical < 0 || *length < 0) return false;
    map.push_back(static_cast<uint64_t>(*logical));
    map.push_back(static_cast<uint64_t>(*length));
  }
  return true;
}

bool SparseMapParser::take(Bytes block, uint64_t max_runs) {
  for (const std::byte byte : block) {
    if (finished()) break;  // the rest of the block is padding
    const char c = static_cast<char>(byte);
    if (c == '\n') {
      if (digits_ == 0) return false;
      if (expected_) {
        map_.push_back(number_);
      } else if (number_ > max_runs) {
        return false;
      } else {
        expected_ = number_;
      }
      number_ = 0;
      digits_ = 0;
    } else {
      // 18 digits cannot overflow, and no file is as long.
      if (c < '0' || c > '9' || ++digits_ > 18) return false;
      number_ = number_ * 10 + static_cast<uint64_t>(c - '0');
    }
  }
  return true;
}

}  // namespace msb::archive
