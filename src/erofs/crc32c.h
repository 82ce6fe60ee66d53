#pragma once

#include "base/bytes.h"

namespace msb::erofs {

/// CRC-32C as EROFS uses it: begins with all bits set, and is not inverted at the end.
uint32_t crc32c(Bytes bytes, uint32_t crc = UINT32_MAX);

}  // namespace msb::erofs
