// SHA-256 and BLAKE3 by message size; BLAKE3 also as leaves of 64 KiB behind a tag.

#include <vector>

#include <benchmark/benchmark.h>

#include "digest/blake3.h"
#include "digest/sha256.h"

namespace msb {
namespace {

std::vector<std::byte> input(size_t size) {
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i % 251);
  return bytes;
}

void count_bytes(benchmark::State& state, size_t size) {
  state.SetBytesProcessed(static_cast<int64_t>(size) * static_cast<int64_t>(state.iterations()));
}

void sha256(benchmark::State& state) {
  const auto bytes = input(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    Sha256 hash;
    hash.update(bytes);
    benchmark::DoNotOptimize(hash.value());
  }
  count_bytes(state, bytes.size());
}
BENCHMARK(sha256)->Arg(64)->Arg(4096)->Arg(65536)->Arg(1 << 20);

void blake3_message(benchmark::State& state) {
  const auto bytes = input(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Blake3::of(bytes));
  count_bytes(state, bytes.size());
}
BENCHMARK(blake3_message)->Arg(64)->Arg(1024)->Arg(4096)->Arg(65536)->Arg(1 << 20);

void blake3_tagged_leaf(benchmark::State& state) {
  const auto bytes = input(65536);
  Blake3 hash;
  for (auto _ : state) {
    hash.reset();
    hash.update(as_bytes("a tag of some length"));
    hash.update(bytes);
    benchmark::DoNotOptimize(hash.value());
  }
  count_bytes(state, bytes.size());
}
BENCHMARK(blake3_tagged_leaf);

}  // namespace
}  // namespace msb

BENCHMARK_MAIN();
