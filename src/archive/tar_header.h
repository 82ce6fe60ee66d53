#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace msb::archive {

inline constexpr size_t kTarBlock = 512;

/// The fixed part of a member: POSIX.1-1988 ustar, GNU and V7 layouts. A view: the block must outlive it.
class TarHeader {
 public:
  explicit TarHeader(Bytes block) : block_(block) {}

  bool is_zero() const;
  /// As POSIX sums it, or as old writers with signed characters did.
  bool checksum_matches() const;
  bool is_gnu() const { return field(257, 8) == std::string_view("ustar  \0", 8); }
  bool is_ustar() const { return field(257, 6) == std::string_view("ustar\0", 6); }

  char type() const { return static_cast<char>(block_[156]); }
  std::string_view name() const { return text(0, 100); }
  std::string_view link() const { return text(157, 100); }
  /// What stands before the name and a slash; only ustar has it.
  std::string_view prefix() const { return is_ustar() ? text(345, 155) : std::string_view(); }

  /// Nothing where a field is empty or no number.
  std::optional<int64_t> mode() const { return number(100, 8); }
  std::optional<int64_t> uid() const { return number(108, 8); }
  std::optional<int64_t> gid() const { return number(116, 8); }
  std::optional<int64_t> size() const { return number(124, 12); }
  bool size_is_blank() const {
    return field(124, 12).find_first_not_of(std::string_view(" \0", 2)) == std::string_view::npos;
  }
  std::optional<int64_t> mtime() const { return number(136, 12); }
  std::optional<int64_t> device_major() const { return number(329, 8); }
  std::optional<int64_t> device_minor() const { return number(337, 8); }

  std::string_view field(size_t offset, size_t size) const { return as_text(block_.subspan(offset, size)); }
  std::string_view text(size_t offset, size_t size) const;
  /// Octal digits between blanks, or GNU's big-endian binary when the top bit is set.
  std::optional<int64_t> number(size_t offset, size_t size) const;

 private:
  Bytes block_;
};

}  // namespace msb::archive
