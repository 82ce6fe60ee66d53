#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "digest/digest.h"
#include "digest/merkle.h"
#include "digest/sha256.h"
#include "snapshot/descriptor.h"

namespace msb::snapshot {

/// The ways to hash a disk (formats/snapshots.md §10). Values are those of MSB_INTEGRITY_… in the header.
enum class Algorithm : uint32_t {
  merkle = 1,  ///< `msb-file-merkle-blake3-v1`: parallel, and holes cost nothing
  sparse = 2,  ///< `msb-sparse-sha256-v1` as microsandbox 0.5.8 and later mean it
  sha256 = 3,  ///< SHA-256 of all bytes
};

/// As descriptors name it.
std::string_view algorithm_name(Algorithm algorithm);
/// Nothing for a name that is not known.
std::optional<Algorithm> find_algorithm(std::string_view name);

/// What a descriptor records of a disk of `size` bytes that has that digest.
Integrity make_integrity(Algorithm algorithm, const Digest& digest, uint64_t size);

/// Hashes a disk whose bytes pass by in order, for whoever writes one. One thread at a time. hash_file.h hashes files.
class ContentHash {
 public:
  /// `size` is how many bytes will come.
  ContentHash(Algorithm algorithm, uint64_t size);

  void update(Bytes bytes);
  /// The same as so many bytes of zeros, and for Merkle without work.
  void zeros(uint64_t count);
  /// Ends the stream.
  Digest digest();

 private:
  std::variant<merkle::Stream, Sha256> state_;
};

/// SHA-256 as `msb-sparse-sha256-v1` begins it.
Sha256 begin_sparse(uint64_t size);
/// Feeds zeros.
void add_zeros(Sha256& hash, uint64_t count);

}  // namespace msb::snapshot
