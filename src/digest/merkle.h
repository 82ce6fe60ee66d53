#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "digest/blake3.h"
#include "digest/digest.h"

/// msb-file-merkle-blake3-v1 (formats/snapshots.md §10.3): a binary tree over leaves of 64 KiB, in which a file's holes
/// and its written zeros are the same. Leaves enter a tree in order, but may be hashed anywhere: hash aligned runs of
/// leaves on several threads (Hasher), then join them (Joiner). Stream does both, one byte after the other.
namespace msb::merkle {

constexpr size_t kLeafBytes = 65536;
constexpr unsigned kMaxHeight = 48;  ///< of a tree over 2^64 bytes

using Node = Blake3::Value;

/// Of the tree over a file of that size.
unsigned height(uint64_t size);

/// The node above 2^height leaves of zeros.
const Node& zero_node(unsigned height);

/// Makes nodes. One for each thread.
class Hasher {
 public:
  /// Up to kLeafBytes; what lacks counts as zeros.
  Node leaf(Bytes bytes);
  Node parent(const Node& left, const Node& right);

 private:
  Blake3 hash_;
};

/// Joins leaves and subtrees, given from left to right, into the root. Uses memory for one path through the tree.
class Joiner {
 public:
  /// A subtree of 2^height leaves; leaf() is a multiple of that.
  void add(const Node& node, unsigned height = 0);
  /// Moves on: the leaves before `leaf` that were not given are zeros.
  void skip_to(uint64_t leaf);
  /// The leaf that comes next.
  uint64_t leaf() const { return leaf_; }
  /// The node above everything given: 2^height leaves.
  const Node& top() const { return waiting_.back().node; }
  /// Digest of a file of `size` bytes, `blake3:…`; what was not given of it is zeros.
  Digest root(uint64_t size);

 private:
  struct Subtree {
    Node node;
    unsigned height;
  };

  Hasher hasher_;
  std::vector<Subtree> waiting_;  // heights fall
  uint64_t leaf_ = 0;
};

/// A file's digest from its bytes in order. Fastest when they come in multiples of kLeafBytes.
class Stream {
 public:
  void update(Bytes bytes);
  void zeros(uint64_t count);
  /// Of everything so far. Ends the stream.
  Digest digest();

 private:
  Hasher hasher_;
  Joiner joiner_;
  std::vector<std::byte> partial_;  // of the leaf that is not complete
  uint64_t size_ = 0;
};

}  // namespace msb::merkle
