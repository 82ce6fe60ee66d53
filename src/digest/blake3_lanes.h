#pragma once

#include <cstring>
#include <utility>

#include "digest/blake3_engine.h"

// Several inputs side by side: lane i of every vector belongs to input i. Each file blake3_<set>.cpp compiles this for
// its instruction set. Everything is in an unnamed namespace and calls no inline function of a library: the linker
// keeps one copy of an inline function, which could be one with instructions that the CPU at hand lacks.
namespace msb::blake3 {
namespace {

// What the inputs of one run have in common.
struct Run {
  size_t blocks;
  uint64_t counter;
  uint64_t counter_step;
  uint32_t flags;
  uint32_t first_flags;
  uint32_t last_flags;
};

typedef uint32_t Quad __attribute__((vector_size(16)));

template <size_t kLanes>
struct VectorOf;
template <>
struct VectorOf<1> {
  typedef uint32_t Words;
  typedef uint8_t Bytes;
};
template <>
struct VectorOf<4> {
  typedef Quad Words;
  typedef uint8_t Bytes __attribute__((vector_size(16)));
};
template <>
struct VectorOf<8> {
  typedef uint32_t Words __attribute__((vector_size(32)));
  typedef uint8_t Bytes __attribute__((vector_size(32)));
};
template <>
struct VectorOf<16> {
  typedef uint32_t Words __attribute__((vector_size(64)));
  typedef uint8_t Bytes __attribute__((vector_size(64)));
};

// kShuffleBytes: the instruction set moves single bytes about, but does not rotate words.
template <size_t kLanes, bool kShuffleBytes>
struct Lanes {
  using Vector = typename VectorOf<kLanes>::Words;
  using ByteVector = typename VectorOf<kLanes>::Bytes;
  static constexpr size_t kQuads = kLanes / 4;

  template <int kBits>
  static Vector rotate(Vector v) {
    if constexpr (kShuffleBytes && kBits % 8 == 0) {
      return rotate_bytes<kBits / 8>(v, std::make_integer_sequence<int, 4 * kLanes>());
    } else {
      return (v >> kBits) | (v << (32 - kBits));
    }
  }

  template <int kBytes, int... kIndex>
  static Vector rotate_bytes(Vector v, std::integer_sequence<int, kIndex...>) {
    const ByteVector bytes = reinterpret_cast<ByteVector>(v);
    return reinterpret_cast<Vector>(__builtin_shufflevector(bytes, bytes, (kIndex / 4 * 4 + (kIndex + kBytes) % 4)...));
  }

  static void mix(Vector& a, Vector& b, Vector& c, Vector& d, Vector x, Vector y) {
    a += b + x;
    d = rotate<16>(d ^ a);
    c += d;
    b = rotate<12>(b ^ c);
    a += b + y;
    d = rotate<8>(d ^ a);
    c += d;
    b = rotate<7>(b ^ c);
  }

  template <size_t kRound>
  static void round(Vector* v, const Vector* m) {
    constexpr const uint8_t* s = kSchedule.word[kRound];
    mix(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
    mix(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
    mix(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
    mix(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
    mix(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
    mix(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
    mix(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
    mix(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
  }

  static Quad load(const void* from) {
    Quad quad;
    std::memcpy(&quad, from, sizeof quad);
    return quad;
  }

  // The same quad of words of the inputs k, k + 4, k + 8, …, one after the other.
  static Vector load_quads(const std::byte* const* inputs, size_t offset) {
    if constexpr (kQuads == 1) {
      return load(inputs[0] + offset);
    } else if constexpr (kQuads == 2) {
      return __builtin_shufflevector(load(inputs[0] + offset), load(inputs[4] + offset), 0, 1, 2, 3, 4, 5, 6, 7);
    } else {
      using Half = Lanes<kLanes / 2, kShuffleBytes>;
      return __builtin_shufflevector(Half::load_quads(inputs, offset), Half::load_quads(inputs + 8, offset), 0, 1, 2, 3,
                                     4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    }
  }

  // Interleaves units of kUnit words from the lower or upper halves of the quads of a and b.
  template <int kUnit, bool kUpper, int... kIndex>
  static Vector interleave(Vector a, Vector b, std::integer_sequence<int, kIndex...>) {
    return __builtin_shufflevector(a, b,
                                   (kIndex / 4 * 4 + (kUpper ? 2 : 0) + kIndex % 4 / (2 * kUnit) * kUnit +
                                    kIndex % kUnit + (kIndex / kUnit % 2 == 1 ? static_cast<int>(kLanes) : 0))...);
  }

  // Rows become columns in each 4 × 4 square of words; its own inverse.
  static void transpose(Vector* v) {
    constexpr auto kAll = std::make_integer_sequence<int, kLanes>();
    const Vector ab_low = interleave<1, false>(v[0], v[1], kAll);
    const Vector ab_high = interleave<1, true>(v[0], v[1], kAll);
    const Vector cd_low = interleave<1, false>(v[2], v[3], kAll);
    const Vector cd_high = interleave<1, true>(v[2], v[3], kAll);
    v[0] = interleave<2, false>(ab_low, cd_low, kAll);
    v[1] = interleave<2, true>(ab_low, cd_low, kAll);
    v[2] = interleave<2, false>(ab_high, cd_high, kAll);
    v[3] = interleave<2, true>(ab_high, cd_high, kAll);
  }

  template <size_t... kRound>
  static void rounds(Vector* v, const Vector* m, std::index_sequence<kRound...>) {
    (round<kRound>(v, m), ...);
  }

  // Exactly kLanes inputs. All of them are read before anything is written.
  static void hash(const std::byte* const* inputs, const Run& run, ChainingValue* out) {
    Vector counter_low;
    Vector counter_high;
    for (size_t i = 0; i < kLanes; ++i) {
      const uint64_t counter = run.counter + i * run.counter_step;
      counter_low[i] = static_cast<uint32_t>(counter);
      counter_high[i] = static_cast<uint32_t>(counter >> 32);
    }
    Vector h[8];
    for (size_t i = 0; i < 8; ++i) h[i] = Vector{} + kInitial.words[i];

    for (size_t block = 0; block < run.blocks; ++block) {
      uint32_t flags = run.flags;
      if (block == 0) flags |= run.first_flags;
      if (block + 1 == run.blocks) flags |= run.last_flags;
      Vector m[16];
      for (size_t quad = 0; quad < 4; ++quad) {
        for (size_t k = 0; k < 4; ++k) m[4 * quad + k] = load_quads(inputs + k, block * kBlockBytes + 16 * quad);
        transpose(m + 4 * quad);
      }
      Vector v[16];
      for (size_t i = 0; i < 8; ++i) v[i] = h[i];
      for (size_t i = 0; i < 4; ++i) v[8 + i] = Vector{} + kInitial.words[i];
      v[12] = counter_low;
      v[13] = counter_high;
      v[14] = Vector{} + static_cast<uint32_t>(kBlockBytes);
      v[15] = Vector{} + flags;
      rounds(v, m, std::make_index_sequence<7>());
      for (size_t i = 0; i < 8; ++i) h[i] = v[i] ^ v[8 + i];
    }

    for (size_t half = 0; half < 2; ++half) {
      transpose(h + 4 * half);
      for (size_t i = 0; i < kLanes; ++i) {
        std::memcpy(out[i].words + 4 * half, reinterpret_cast<const std::byte*>(&h[4 * half + i % 4]) + i / 4 * 16, 16);
      }
    }
  }
};

template <size_t kLanes, bool kShuffleBytes>
void hash_all(const std::byte* const* inputs, size_t count, Run run, ChainingValue* out) {
  for (; count >= kLanes; count -= kLanes) {
    Lanes<kLanes, kShuffleBytes>::hash(inputs, run, out);
    inputs += kLanes;
    out += kLanes;
    run.counter += kLanes * run.counter_step;
  }
  if (count == 0) return;
  if constexpr (kLanes > 4) {
    if (count <= kLanes / 2) return hash_all<kLanes / 2, kShuffleBytes>(inputs, count, run, out);
  }
  // The last of the inputs fills the lanes that are left over.
  const std::byte* padded[kLanes];
  ChainingValue values[kLanes];
  for (size_t i = 0; i < kLanes; ++i) padded[i] = inputs[i < count ? i : count - 1];
  Lanes<kLanes, kShuffleBytes>::hash(padded, run, values);
  std::memcpy(out, values, count * sizeof *out);
}

template <size_t kLanes, bool kShuffleBytes>
void hash_chunks(const std::byte* const* chunks, size_t count, uint64_t counter, ChainingValue* out) {
  const Run run = {kChunkBytes / kBlockBytes, counter, 1, 0, kChunkStart, kChunkEnd};
  hash_all<kLanes, kShuffleBytes>(chunks, count, run, out);
}

template <size_t kLanes, bool kShuffleBytes>
void hash_parents(const ChainingValue* children, size_t count, ChainingValue* out) {
  const Run run = {1, 0, 0, kParent, 0, 0};
  while (count > 0) {
    const std::byte* blocks[kLanes];
    const size_t now = count < kLanes ? count : kLanes;
    for (size_t i = 0; i < now; ++i) blocks[i] = reinterpret_cast<const std::byte*>(children + 2 * i);
    hash_all<kLanes, kShuffleBytes>(blocks, now, run, out);
    children += 2 * now;
    out += now;
    count -= now;
  }
}

}  // namespace
}  // namespace msb::blake3
