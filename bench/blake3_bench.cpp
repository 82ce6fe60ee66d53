// The engines of our own BLAKE3, on one message of 64 KiB.

#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "digest/blake3_engine.h"
#include "digest/blake3_tree.h"

namespace msb {
namespace {

void hash_64k(benchmark::State& state, const blake3::Engine* engine) {
  const std::vector<std::byte> bytes(65536);
  for (auto _ : state) {
    blake3::Tree tree(*engine);
    tree.update(bytes);
    benchmark::DoNotOptimize(tree.value());
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes.size()) * static_cast<int64_t>(state.iterations()));
}

}  // namespace
}  // namespace msb

int main(int argc, char** argv) {
  for (const msb::blake3::Engine* engine : msb::blake3::engines()) {
    benchmark::RegisterBenchmark((std::string("blake3_64k/") + engine->name).c_str(), msb::hash_64k, engine);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
