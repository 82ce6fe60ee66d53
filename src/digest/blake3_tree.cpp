#include "digest/blake3_tree.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace msb::blake3 {
namespace {

Block parent_block(const ChainingValue& left, const ChainingValue& right) {
  Block block;
  std::memcpy(block.words, left.words, sizeof left);
  std::memcpy(block.words + 8, right.words, sizeof right);
  return block;
}

// A chunk of any length that may be the root, as `flags` says.
ChainingValue hash_chunk(Bytes chunk, uint64_t counter, uint32_t flags) {
  ChainingValue cv = kInitial;
  uint32_t start = kChunkStart;
  while (true) {
    const size_t length = std::min(chunk.size(), kBlockBytes);
    const bool end = chunk.size() == length;
    Block block{};
    std::memcpy(block.words, chunk.data(), length);
    cv = compress(cv, block, static_cast<uint32_t>(length), counter, start | (end ? kChunkEnd | flags : 0));
    if (end) return cv;
    start = 0;
    chunk = chunk.subspan(length);
  }
}

}  // namespace

void Tree::update(Bytes input) {
  if (filled_ > 0 && !input.empty()) {  // an empty span may have no address, which memcpy() must not see
    const size_t n = std::min(kChunkBytes - filled_, input.size());
    std::memcpy(last_.data() + filled_, input.data(), n);
    filled_ += n;
    input = input.subspan(n);
  }
  if (input.empty()) return;

  // The buffered chunk is empty, or complete with something behind it.
  while (filled_ > 0 || input.size() > kChunkBytes) {
    const std::byte* chunks[kBatch];
    size_t n = 0;
    if (filled_ > 0) chunks[n++] = last_.data();
    filled_ = 0;
    for (; n < kBatch && input.size() > kChunkBytes; input = input.subspan(kChunkBytes)) chunks[n++] = input.data();
    add_chunks(chunks, n);
  }
  std::memcpy(last_.data(), input.data(), input.size());
  filled_ = input.size();
}

void Tree::add_chunks(const std::byte* const* chunks, size_t count) {
  // The nodes of one level, from nodes[1] on; nodes[0] takes the one of that level that waits to their left.
  ChainingValue nodes[1 + kBatch];
  engine_->hash_chunks(chunks, count, chunks_, nodes + 1);
  size_t n = count;
  for (size_t level = 0; n > 0; ++level) {
    ChainingValue* first = nodes + 1;
    if ((chunks_ >> level & 1) != 0) {
      *--first = waiting_[level];
      ++n;
    }
    if (n % 2 != 0) waiting_[level] = first[n - 1];
    n /= 2;
    engine_->hash_parents(first, n, nodes + 1);
  }
  chunks_ += count;
}

std::array<std::byte, 32> Tree::value() const {
  ChainingValue cv = hash_chunk(Bytes(last_).first(filled_), chunks_, chunks_ == 0 ? kRoot : 0);
  for (uint64_t rest = chunks_; rest != 0; rest &= rest - 1) {
    const uint32_t root = std::has_single_bit(rest) ? kRoot : 0;
    cv = compress(kInitial, parent_block(waiting_[static_cast<size_t>(std::countr_zero(rest))], cv), kBlockBytes, 0,
                  kParent | root);
  }
  return std::bit_cast<std::array<std::byte, 32>>(cv);
}

void Tree::reset() {
  chunks_ = 0;
  filled_ = 0;
}

}  // namespace msb::blake3
