#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace msb::runtime {

/// What library, monitor and guest tell each other when a machine begins: keys and values in order, keys repeat. As
/// bytes: the length, 32 bits little-endian, then key, NUL, value, NUL for each.
using Records = std::vector<std::pair<std::string, std::string>>;

inline constexpr size_t kMaxRecords = size_t{4} << 20;

/// @retval invalid_argument  a NUL in a text, or more than kMaxRecords
Result<std::string> encode_records(const Records& records);
/// Reads what follows the length.
/// @retval invalid_argument  it is cut short, or a key is empty
Result<Records> decode_records(std::string_view bytes);

}  // namespace msb::runtime
