#include "archive/tar_header.h"

#include <algorithm>

#include "base/number.h"

namespace msb::archive {

bool TarHeader::is_zero() const {
  return std::all_of(block_.begin(), block_.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

bool TarHeader::checksum_matches() const {
  int64_t as_unsigned = 0;
  int64_t as_signed = 0;
  for (size_t i = 0; i < kTarBlock; ++i) {
    const bool blank = i >= 148 && i < 156;  // the checksum itself counts as spaces
    const auto byte = blank ? static_cast<unsigned char>(' ') : static_cast<unsigned char>(block_[i]);
    as_unsigned += byte;
    as_signed += static_cast<signed char>(byte);
  }
  const auto stored = number(148, 8);
  return stored.has_value() && (*stored == as_unsigned || *stored == as_signed);
}

std::string_view TarHeader::text(size_t offset, size_t size) const {
  const std::string_view all = field(offset, size);
  return all.substr(0, all.find('\0'));
}

std::optional<int64_t> TarHeader::number(size_t offset, size_t size) const {
  const std::string_view all = field(offset, size);
  const auto first = static_cast<unsigned char>(all[0]);
  if ((first & 0x80) != 0) {
    // Two's complement of which the marker bit is not part; all that does not fit must be a copy of the sign.
    const bool negative = (first & 0x40) != 0;
    int64_t value = negative ? -1 : 0;
    for (size_t i = 0; i < all.size(); ++i) {
      auto byte = static_cast<unsigned char>(all[i]);
      if (i == 0) byte = static_cast<unsigned char>(negative ? byte : byte & 0x3F);
      const int64_t top = value >> 55;
      if (top != (negative ? -1 : 0)) return std::nullopt;
      value = static_cast<int64_t>(static_cast<uint64_t>(value) << 8 | byte);
    }
    return value;
  }
  constexpr std::string_view kBlank(" \0", 2);
  const size_t begin = all.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view digits = all.substr(begin, all.find_first_of(kBlank, begin) - begin);
  const auto value = parse_number<int64_t>(digits, 8);
  return value && *value >= 0 ? value : std::nullopt;
}

}  // namespace msb::archive
