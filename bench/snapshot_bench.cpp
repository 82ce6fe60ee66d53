// Hashing and copying disks of snapshots: 1 GiB of random data in a sparse file of 4 GiB, and the same file with 3 MiB.
// Works below $TMPDIR, or /tmp. b3sum is run beside them, where it is installed, on the same data with the same
// threads.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "os/workers.h"
#include "snapshot/hash_file.h"

namespace msb::snapshot {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kSize = 4096 * kMiB;

os::File open(const std::string& path, int flags) {
  auto file = os::File::open(os::real_fs(), AT_FDCWD, path, flags);
  if (!file) {
    std::fprintf(stderr, "%s\n", file.error().message().c_str());
    std::exit(1);
  }
  return *std::move(file);
}

/// A folder of disks, removed at exit.
class Disks {
 public:
  Disks() {
    const char* const parent = std::getenv("TMPDIR");
    folder_ = fs::path(parent != nullptr ? parent : "/tmp") / ("snapshot-bench-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  Disks(const Disks&) = delete;
  Disks& operator=(const Disks&) = delete;
  ~Disks() { fs::remove_all(folder_); }

  /// A sparse file of kSize with so much random data, in 16 places.
  std::string disk(uint64_t data) const {
    const std::string path = folder_ / std::to_string(data);
    if (fs::exists(path)) return path;
    const os::File file = open(path, O_RDWR | O_CREAT);
    bool written = file.truncate(kSize).ok();
    std::mt19937_64 random(data);
    std::vector<uint64_t> words(kMiB / 8);
    for (uint64_t place = 0; place < 16; ++place) {
      for (uint64_t at = 0; at < data / 16; at += kMiB) {
        for (uint64_t& word : words) word = random();
        const Bytes bytes = std::as_bytes(std::span(words)).first(std::min(kMiB, data / 16 - at));
        written = written && file.write_at(bytes, place * (kSize / 16) + at).ok();
      }
    }
    if (!written || !file.sync().ok()) std::exit(1);
    return path;
  }
  std::string copy() const { return folder_ / "copy"; }

 private:
  fs::path folder_;
};

const Disks& disks() {
  static const Disks all;
  return all;
}

void set_rate(benchmark::State& state, uint64_t data) {
  state.SetBytesProcessed(static_cast<int64_t>(data) * static_cast<int64_t>(state.iterations()));
}

/// Arguments: algorithm, MiB of data, threads.
void hash(benchmark::State& state) {
  const uint64_t data = static_cast<uint64_t>(state.range(1)) * kMiB;
  const os::File file = open(disks().disk(data), O_RDONLY);
  for (auto _ : state) {
    const auto digest =
        hash_file(file, static_cast<Algorithm>(state.range(0)), static_cast<unsigned>(state.range(2)), Call());
    if (!digest) return state.SkipWithError(digest.error().message().c_str());
  }
  set_rate(state, data);
}
BENCHMARK(hash)
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({1, 1024, 1})
    ->Args({1, 1024, 2});
BENCHMARK(hash)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->Args({1, 3, 2});
BENCHMARK(hash)
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({2, 1024, 2})
    ->Args({3, 1024, 2});

void b3sum(benchmark::State& state) {
  if (std::system("b3sum --version >/dev/null 2>&1") != 0) return state.SkipWithError("b3sum is not installed");
  const std::string path = disks().disk(1024 * kMiB);
  // b3sum reads holes too, so it is given the data alone.
  const std::string dense = disks().copy() + ".dense";
  const std::string make = "dd if=/dev/urandom of=" + dense + " bs=1M count=1024 status=none";
  if (std::system(make.c_str()) != 0) return state.SkipWithError("no data");
  const std::string command = "b3sum --num-threads 2 " + dense + " >/dev/null";
  for (auto _ : state) benchmark::DoNotOptimize(std::system(command.c_str()));
  set_rate(state, 1024 * kMiB);
}
BENCHMARK(b3sum)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

enum Way { copy_only, one_pass, one_after_the_other };

/// Arguments: way, threads.
void copy(benchmark::State& state) {
  const os::File from = open(disks().disk(1024 * kMiB), O_RDONLY);
  const auto threads = static_cast<unsigned>(state.range(1));
  const Call call;
  for (auto _ : state) {
    state.PauseTiming();
    fs::remove(disks().copy());
    ::sync();
    state.ResumeTiming();
    const os::File to = open(disks().copy(), O_RDWR | O_CREAT | O_TRUNC);
    bool done = false;
    if (state.range(0) == one_pass) {
      done = copy_and_hash(from, to, Algorithm::merkle, threads, call).ok();
    } else {
      done = os::copy_sparse(from, to, threads, call).ok();
      if (state.range(0) == one_after_the_other) done = done && hash_file(to, Algorithm::merkle, threads, call).ok();
    }
    if (!done || !to.sync().ok()) return state.SkipWithError("copying failed");
  }
  set_rate(state, 1024 * kMiB);
}
BENCHMARK(copy)
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({copy_only, 1})
    ->Args({copy_only, 2})
    ->Args({one_pass, 1})
    ->Args({one_pass, 2})
    ->Args({one_after_the_other, 2});

}  // namespace
}  // namespace msb::snapshot

BENCHMARK_MAIN();
