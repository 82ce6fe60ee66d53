#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "digest/sha256.h"
#include "os/file.h"

namespace msb::test {

/// Hexadecimal SHA-256 of a whole file.
inline std::string sha256_hex(const os::File& file) {
  Sha256 hash;
  os::FileSource source(file);
  std::vector<std::byte> buffer(1 << 16);
  for (;;) {
    const auto n = source.read(buffer);
    EXPECT_TRUE(n.ok());
    if (!n || *n == 0) return to_hex(hash.value());
    hash.update(Bytes(buffer).first(*n));
  }
}

}  // namespace msb::test
