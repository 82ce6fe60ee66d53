#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/// The compression function of BLAKE3 and the engines that run many of it at once, one for each instruction set.
namespace msb::blake3 {

constexpr size_t kBlockBytes = 64;
constexpr size_t kChunkBytes = 1024;

// Plain arrays: blake3_lanes.h must not call functions of std::array. Words are little-endian in memory, as is the host
// (base/bytes.h).
struct ChainingValue {
  uint32_t words[8];
};
struct Block {
  uint32_t words[16];
};

constexpr uint32_t kChunkStart = 1;
constexpr uint32_t kChunkEnd = 2;
constexpr uint32_t kParent = 4;
constexpr uint32_t kRoot = 8;

constexpr ChainingValue kInitial = {
    {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19}};

/// word[r][i] is the place in the block of the word that round r takes i-th.
struct Schedule {
  uint8_t word[7][16];
};
constexpr Schedule kSchedule = [] {
  constexpr uint8_t kPermutation[16] = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};
  Schedule schedule{};
  for (uint8_t i = 0; i < 16; ++i) schedule.word[0][i] = i;
  for (size_t round = 1; round < 7; ++round) {
    for (size_t i = 0; i < 16; ++i) schedule.word[round][i] = schedule.word[round - 1][kPermutation[i]];
  }
  return schedule;
}();

/// One block; `length` is what of it is data.
ChainingValue compress(const ChainingValue& cv, const Block& block, uint32_t length, uint64_t counter, uint32_t flags);

struct Engine {
  const char* name;
  /// Chaining values of whole chunks, numbered from `counter`, none of which is the root.
  void (*hash_chunks)(const std::byte* const* chunks, size_t count, uint64_t counter, ChainingValue* out);
  /// Chaining values of `count` parents, none of which is the root, from their children side by side. `out` may be
  /// `children`, or one behind it.
  void (*hash_parents)(const ChainingValue* children, size_t count, ChainingValue* out);
};

/// The engines that this CPU can run, slowest first.
std::vector<const Engine*> engines();
const Engine& best_engine();

}  // namespace msb::blake3
