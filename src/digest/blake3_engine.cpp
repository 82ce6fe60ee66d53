#include "digest/blake3_engine.h"

#include "digest/blake3_lanes.h"

namespace msb::blake3 {
namespace {

// Whatever the compiler makes of vectors of four: SSE2 on any x86-64, NEON on AArch64, plain words elsewhere.
constexpr Engine kPortable = {"portable", hash_chunks<4, false>, hash_parents<4, false>};

}  // namespace

#ifdef MSB_BLAKE3_X86
extern const Engine kSse41;
extern const Engine kAvx2;
extern const Engine kAvx512;
#endif

ChainingValue compress(const ChainingValue& cv, const Block& block, uint32_t length, uint64_t counter, uint32_t flags) {
  const auto& h = cv.words;
  const auto& i = kInitial.words;
  const auto low = static_cast<uint32_t>(counter);
  const auto high = static_cast<uint32_t>(counter >> 32);
  uint32_t v[16] = {h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], i[0], i[1], i[2], i[3], low, high, length, flags};
  Lanes<1, false>::rounds(v, block.words, std::make_index_sequence<7>());
  ChainingValue out;
  for (size_t k = 0; k < 8; ++k) out.words[k] = v[k] ^ v[8 + k];
  return out;
}

std::vector<const Engine*> engines() {
  std::vector<const Engine*> found = {&kPortable};
#ifdef MSB_BLAKE3_X86
  if (__builtin_cpu_supports("sse4.1")) found.push_back(&kSse41);
  if (__builtin_cpu_supports("avx2")) found.push_back(&kAvx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) found.push_back(&kAvx512);
#endif
  return found;
}

const Engine& best_engine() {
  static const Engine* const best = engines().back();
  return *best;
}

}  // namespace msb::blake3
