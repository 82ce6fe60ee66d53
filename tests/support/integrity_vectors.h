#pragma once

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "support/fixtures.h"

namespace msb::test {

/// A run of bytes in a file that is zeros elsewhere.
struct Run {
  uint64_t offset = 0;
  std::string bytes;
};

/// A row of tests/golden/digest/integrity.tsv.
struct IntegrityVector {
  std::string name;
  uint64_t size = 0;
  std::string root;
  std::string sha256;
  std::string sparse;
  std::string sparse_by_extents;  ///< of a file whose data is just runs()

  std::vector<Run> runs() const;
};

/// Bytes of the generator x ← 6364136223846793005 x + 1442695040888963407, from x = seed on: its highest eight bits.
inline std::string generated_bytes(uint64_t seed, size_t count) {
  std::string bytes(count, '\0');
  for (char& b : bytes) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    b = static_cast<char>(seed >> 56);
  }
  return bytes;
}

inline std::vector<Run> IntegrityVector::runs() const {
  if (name == "sparse-1GiB") {
    return {{4096, generated_bytes(1, 200'704)},
            {314'585'088, generated_bytes(2, 1'048'576)},
            {1'073'643'520, generated_bytes(3, 98'304)}};
  }
  if (size == 0 || name == "hole-4GiB") return {};
  if (name == "hello") return {{0, "hello"}};
  std::string bytes(static_cast<size_t>(size), name == "one-byte-5a" ? 'Z' : '\0');
  if (name.starts_with("pattern")) {
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(31 * i + 7);
  }
  return {{0, bytes}};
}

inline std::vector<IntegrityVector> integrity_vectors() {
  std::vector<IntegrityVector> vectors;
  std::ifstream file(tests_path("golden/digest/integrity.tsv"));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream row(line);
    IntegrityVector& v = vectors.emplace_back();
    row >> v.name >> v.size >> v.root >> v.sha256 >> v.sparse >> v.sparse_by_extents;
  }
  return vectors;
}

}  // namespace msb::test
