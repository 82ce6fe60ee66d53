#include "digest/merkle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>

namespace msb::merkle {
namespace {

using namespace std::string_view_literals;

constexpr auto kLeafPrefix = "msb-file-merkle-blake3-v1\0leaf\0"sv;
constexpr auto kParentPrefix = "msb-file-merkle-blake3-v1\0parent\0"sv;
constexpr auto kRootPrefix = "msb-file-merkle-blake3-v1\0root\0"sv;

constexpr std::array<std::byte, kLeafBytes> kZeros{};

std::array<Node, kMaxHeight + 1> make_zero_nodes() {
  const auto hash = [](std::string_view prefix, Bytes a, Bytes b) {
    Blake3 blake3;
    blake3.update(as_bytes(prefix));
    blake3.update(a);
    blake3.update(b);
    return blake3.value();
  };
  std::array<Node, kMaxHeight + 1> nodes{};
  nodes[0] = hash(kLeafPrefix, kZeros, {});
  for (size_t i = 1; i < nodes.size(); ++i) nodes[i] = hash(kParentPrefix, nodes[i - 1], nodes[i - 1]);
  return nodes;
}

}  // namespace

unsigned height(uint64_t size) {
  const uint64_t leaves = ceil_div<uint64_t>(size, kLeafBytes);
  return leaves <= 1 ? 0 : static_cast<unsigned>(std::bit_width(leaves - 1));
}

const Node& zero_node(unsigned height) {
  static const auto nodes = make_zero_nodes();
  return nodes[height];
}

Node Hasher::leaf(Bytes bytes) {
  // Data seldom begins with zeros, so looking costs nothing; and disks have long stretches of them.
  if (is_zero(bytes)) return zero_node(0);
  hash_.reset();
  hash_.update(as_bytes(kLeafPrefix));
  hash_.update(bytes);
  hash_.update(Bytes(kZeros).first(kLeafBytes - bytes.size()));
  return hash_.value();
}

Node Hasher::parent(const Node& left, const Node& right) {
  hash_.reset();
  hash_.update(as_bytes(kParentPrefix));
  hash_.update(left);
  hash_.update(right);
  return hash_.value();
}

void Joiner::add(const Node& node, unsigned height) {
  leaf_ += uint64_t{1} << height;
  Subtree subtree{node, height};
  for (; !waiting_.empty() && waiting_.back().height == subtree.height; ++subtree.height) {
    const Node& left = waiting_.back().node;
    const Node& zeros = zero_node(subtree.height);
    const bool hole = left == zeros && subtree.node == zeros;
    subtree.node = hole ? zero_node(subtree.height + 1) : hasher_.parent(left, subtree.node);
    waiting_.pop_back();
  }
  waiting_.push_back(subtree);
}

void Joiner::skip_to(uint64_t leaf) {
  while (leaf_ < leaf) {
    // The largest subtree of zeros that may begin here and ends in time.
    const uint64_t fits = std::bit_floor(leaf - leaf_);
    const uint64_t leaves = leaf_ == 0 ? fits : std::min(fits, leaf_ & -leaf_);
    const auto height = static_cast<unsigned>(std::countr_zero(leaves));
    add(zero_node(height), height);
  }
}

Digest Joiner::root(uint64_t size) {
  const unsigned levels = height(size);
  skip_to(uint64_t{1} << levels);
  std::array<std::byte, 16> numbers;
  store_le(numbers, 0, size);
  store_le(numbers, 8, static_cast<uint32_t>(kLeafBytes));
  store_le(numbers, 12, uint32_t{levels});
  Blake3 hash;
  hash.update(as_bytes(kRootPrefix));
  hash.update(numbers);
  hash.update(top());
  return hash.digest();
}

void Stream::update(Bytes bytes) {
  size_ += bytes.size();
  if (!partial_.empty()) {
    const Bytes head = bytes.first(std::min(bytes.size(), kLeafBytes - partial_.size()));
    partial_.insert(partial_.end(), head.begin(), head.end());
    bytes = bytes.subspan(head.size());
    if (partial_.size() < kLeafBytes) return;
    joiner_.add(hasher_.leaf(partial_));
    partial_.clear();
  }
  for (; bytes.size() >= kLeafBytes; bytes = bytes.subspan(kLeafBytes)) {
    joiner_.add(hasher_.leaf(bytes.first(kLeafBytes)));
  }
  partial_.assign(bytes.begin(), bytes.end());
}

void Stream::zeros(uint64_t count) {
  if (!partial_.empty()) {
    const uint64_t head = std::min<uint64_t>(count, kLeafBytes - partial_.size());
    update(Bytes(kZeros).first(static_cast<size_t>(head)));
    count -= head;
  }
  // Here a leaf begins, or nothing is left.
  const uint64_t leaves = count / kLeafBytes;
  joiner_.skip_to(joiner_.leaf() + leaves);
  size_ += leaves * kLeafBytes;
  update(Bytes(kZeros).first(static_cast<size_t>(count % kLeafBytes)));
}

Digest Stream::digest() {
  if (!partial_.empty()) joiner_.add(hasher_.leaf(partial_));
  return joiner_.root(size_);
}

}  // namespace msb::merkle
