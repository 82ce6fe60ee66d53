#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tree/tree.h"

namespace msb::archive {

/// What a PAX extended header (POSIX.1-2001) says about the next member. A record without a value stands for none, as
/// POSIX has it: the plain header counts.
struct PaxHeader {
  struct Time {
    int64_t seconds = 0;
    uint32_t nanoseconds = 0;
  };

  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<uint64_t> size;
  std::optional<uint64_t> uid;
  std::optional<uint64_t> gid;
  std::optional<Time> mtime;
  std::vector<tree::Xattr> xattrs;  ///< SCHILY.xattr.*, LIBARCHIVE.xattr.*; overlay marks are left out

  // GNU.sparse.*, formats 0.0, 0.1 and 1.0.
  std::optional<uint64_t> sparse_major;
  std::optional<uint64_t> sparse_minor;
  std::optional<std::string> sparse_name;
  std::optional<uint64_t> sparse_size;
  bool sparse_listed = false;            ///< sparse_numbers is the map
  std::vector<uint64_t> sparse_numbers;  ///< offset, length, offset, …

  bool is_sparse() const { return sparse_major || sparse_listed; }

  /// Errors are image_invalid without a member's name.
  static Result<PaxHeader> parse(std::string_view records);
};

}  // namespace msb::archive
