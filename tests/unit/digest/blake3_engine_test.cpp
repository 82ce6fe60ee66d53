// The engines of our own BLAKE3 against each other: all that this CPU can run.

#include "digest/blake3_engine.h"

#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "digest/blake3_tree.h"

namespace msb::blake3 {
namespace {

std::vector<std::byte> random_bytes(size_t length) {
  std::mt19937 random(static_cast<unsigned>(length));
  std::vector<std::byte> bytes(length);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

Block block_at(const std::byte* from) {
  Block block;
  std::memcpy(&block, from, sizeof block);
  return block;
}

ChainingValue plain_chunk(const std::byte* chunk, uint64_t counter) {
  ChainingValue cv = kInitial;
  for (size_t i = 0; i < 16; ++i) {
    const uint32_t flags = (i == 0 ? kChunkStart : 0) | (i == 15 ? kChunkEnd : 0);
    cv = compress(cv, block_at(chunk + i * kBlockBytes), kBlockBytes, counter, flags);
  }
  return cv;
}

std::string hex(const ChainingValue& cv) { return to_hex(std::as_bytes(std::span(cv.words))); }

class EngineTest : public ::testing::TestWithParam<const Engine*> {};

TEST_P(EngineTest, ChunksEqualThoseHashedBlockByBlock) {
  constexpr size_t kMost = 70;
  const auto bytes = random_bytes(kMost * kChunkBytes + 1);
  // Not aligned, in no order, and numbered across the edge of 32 bits.
  std::vector<const std::byte*> chunks(kMost);
  for (size_t i = 0; i < kMost; ++i) chunks[i] = bytes.data() + 1 + (i * 37 % kMost) * kChunkBytes;
  for (const uint64_t counter : {uint64_t{0}, (uint64_t{1} << 32) - 5, (uint64_t{1} << 54) - 100}) {
    for (size_t count = 0; count <= kMost; ++count) {
      std::vector<ChainingValue> out(count);
      GetParam()->hash_chunks(chunks.data(), count, counter, out.data());
      for (size_t i = 0; i < count; ++i) ASSERT_EQ(hex(out[i]), hex(plain_chunk(chunks[i], counter + i))) << count;
    }
  }
}

TEST_P(EngineTest, ParentsMayReplaceTheirChildren) {
  for (size_t count = 0; count <= 40; ++count) {
    for (const size_t shift : {0U, 1U}) {
      const auto bytes = random_bytes((2 * count + 2) * sizeof(ChainingValue));
      std::vector<ChainingValue> nodes(2 * count + 2);
      std::memcpy(nodes.data(), bytes.data(), bytes.size());
      GetParam()->hash_parents(nodes.data(), count, nodes.data() + shift);
      for (size_t i = 0; i < count; ++i) {
        const ChainingValue expected =
            compress(kInitial, block_at(bytes.data() + i * kBlockBytes), kBlockBytes, 0, kParent);
        ASSERT_EQ(hex(nodes[shift + i]), hex(expected)) << i << " of " << count;
      }
    }
  }
}

TEST_P(EngineTest, TreesAreEqualHoweverTheInputComes) {
  const Engine& portable = *engines().front();
  std::mt19937 random(1);
  for (size_t round = 0; round < 60; ++round) {
    const auto bytes = random_bytes(random() % 200'000);
    Tree expected(portable);
    for (size_t at = 0; at < bytes.size(); at += kBlockBytes) {
      expected.update(Bytes(bytes).subspan(at, std::min(kBlockBytes, bytes.size() - at)));
    }
    Tree tree(*GetParam());
    for (size_t at = 0; at < bytes.size();) {
      const size_t piece = std::min<size_t>(random() % 90'000, bytes.size() - at);
      tree.update(Bytes(bytes).subspan(at, piece));
      at += piece;
    }
    ASSERT_EQ(tree.value(), expected.value()) << bytes.size();
  }
}

INSTANTIATE_TEST_SUITE_P(Blake3, EngineTest, ::testing::ValuesIn(engines()), [](const auto& test) {
  std::string name;
  for (const char* c = test.param->name; *c != '\0'; ++c) {
    if (std::isalnum(static_cast<unsigned char>(*c)) != 0) name += *c;
  }
  return name;
});

}  // namespace
}  // namespace msb::blake3
