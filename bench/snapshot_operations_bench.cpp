// Whole operations on snapshots, in a home below $TMPDIR, or /tmp: capturing a disk of 4 GiB with 1 GiB of random data
// and one with 3 MiB, without and with a digest of it, exporting and importing both, and listing an index of 10,000.

#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/time.h"
#include "bench_home.h"
#include "index/snapshots.h"
#include "snapshot/create.h"
#include "snapshot/export.h"
#include "snapshot/import.h"
#include "snapshot/mapping.h"
#include "snapshot/query.h"

namespace msb::snapshot {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kSize = 4096 * kMiB;
constexpr int kListed = 10'000;

using bench::need;

class Home : public bench::BenchHome {
 public:
  /// A sparse file of kSize with so much random data in 16 places, as the disk of a sandbox.
  CaptureSource source(uint64_t data) const {
    const std::string disk = path("upper");
    const os::File file = need(os::File::open(os::real_fs(), AT_FDCWD, disk, O_RDWR | O_CREAT));
    need(file.truncate(kSize));
    std::mt19937_64 random(data);
    std::vector<uint64_t> words(data / 16 / 8);
    for (uint64_t place = 0; place < 16; ++place) {
      for (uint64_t& word : words) word = random();
      need(file.write_at(std::as_bytes(std::span(words)), place * (kSize / 16)));
    }
    need(file.sync());
    return {"box", disk, "docker.io/library/debian:12", "sha256:" + std::string(64, 'b'), std::nullopt};
  }
};

/// Arguments: MiB of data, algorithm or 0. The snapshot is synced to the disk each time.
void create_snapshot(benchmark::State& state) {
  const Home home;
  const uint64_t data = static_cast<uint64_t>(state.range(0)) * kMiB;
  const CaptureSource source = home.source(data);
  CreateRequest request;
  request.name = "bench";
  if (state.range(1) != 0) request.integrity = static_cast<Algorithm>(state.range(1));
  for (auto _ : state) {
    need(create(home.context(), source, request, home.call()));
    state.PauseTiming();
    fs::remove_all(home.context().snapshots_dir + "/bench");
    ::sync();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<int64_t>(data) * static_cast<int64_t>(state.iterations()));
}
BENCHMARK(create_snapshot)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->ArgNames({"MiB", "algorithm"})
    ->Args({1024, 0})
    ->Args({1024, 1})
    ->Args({3, 0})
    ->Args({3, 1});

/// A snapshot in the form that the layout has.
void make_snapshot(const Home& home, uint64_t data, Layout layout) {
  CreateRequest request;
  request.name = "bench";
  const Artifact made = need(create(home.context(), home.source(data), request, home.call()));
  if (layout == Layout::legacy) return;
  Descriptor descriptor = need(translated(made.descriptor, std::nullopt));
  fs::remove(made.path + "/manifest.json");
  const os::File file = need(os::File::open(os::real_fs(), AT_FDCWD, made.path + "/snapshot.json", O_WRONLY | O_CREAT));
  need(file.write_at(as_bytes(canonical_bytes(descriptor)), 0));
}

/// Arguments: MiB of data, layout, plain tar or not. The archive is synced to the disk each time.
void export_snapshot(benchmark::State& state) {
  const Home home;
  const uint64_t data = static_cast<uint64_t>(state.range(0)) * kMiB;
  make_snapshot(home, data, static_cast<Layout>(state.range(1)));
  ExportRequest request;
  request.ref = "bench";
  request.path = home.context().snapshots_dir + ".archive";
  request.plain_tar = state.range(2) != 0;
  for (auto _ : state) {
    need(export_archive(home.context(), request, home.call()));
    state.PauseTiming();
    fs::remove(request.path);
    ::sync();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<int64_t>(data) * static_cast<int64_t>(state.iterations()));
}

void import_snapshot(benchmark::State& state) {
  const Home home;
  const uint64_t data = static_cast<uint64_t>(state.range(0)) * kMiB;
  make_snapshot(home, data, static_cast<Layout>(state.range(1)));
  ExportRequest request;
  request.ref = "bench";
  request.path = home.context().snapshots_dir + ".archive";
  request.plain_tar = state.range(2) != 0;
  need(export_archive(home.context(), request, home.call()));
  ImportRequest import;
  import.path = request.path;
  for (auto _ : state) {
    state.PauseTiming();
    fs::remove_all(home.context().snapshots_dir + "/bench");
    ::sync();
    state.ResumeTiming();
    need(import_archive(home.context(), import, home.call()));
  }
  state.SetBytesProcessed(static_cast<int64_t>(data) * static_cast<int64_t>(state.iterations()));
}

void archive_arguments(benchmark::internal::Benchmark* benchmark) {
  benchmark->UseRealTime()->Unit(benchmark::kMillisecond)->ArgNames({"MiB", "layout", "plain"});
  for (const int64_t layout : {1, 2}) {
    for (const int64_t plain : {0, 1}) benchmark->Args({1024, layout, plain})->Args({3, layout, plain});
  }
}
BENCHMARK(export_snapshot)->Apply(archive_arguments);
BENCHMARK(import_snapshot)->Apply(archive_arguments);

void fill_index(const Home& home) {
  need(home.context().database.write(home.call(), [&](index::Transaction& transaction) -> Done {
    std::mt19937_64 random(1);
    std::vector<uint64_t> words(4);
    for (int i = 0; i < kListed; ++i) {
      for (uint64_t& word : words) word = random();
      index::SnapshotRecord record;
      record.digest = "sha256:" + to_hex(std::as_bytes(std::span(words)));
      record.name = "snapshot-" + std::to_string(i);
      record.image_reference = "docker.io/library/debian:12";
      record.image_manifest_digest = "sha256:" + std::string(64, 'b');
      record.format = "raw";
      record.fstype = "ext4";
      record.artifact_path = home.context().snapshots_dir + "/" + *record.name;
      record.size = kSize;
      record.created_at = now_ns();
      MSB_CHECK(index::insert_snapshot(transaction, record));
    }
    return {};
  }));
}

void list_index(benchmark::State& state) {
  const Home home;
  fill_index(home);
  ListOptions options;
  options.sort = static_cast<Sort>(state.range(0));
  options.limit = static_cast<size_t>(state.range(1));
  for (auto _ : state) benchmark::DoNotOptimize(need(list(home.context(), options, home.call())));
  state.SetItemsProcessed(kListed * static_cast<int64_t>(state.iterations()));
}
BENCHMARK(list_index)
    ->Unit(benchmark::kMillisecond)
    ->ArgNames({"sort", "limit"})
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({0, 50});

void get_by_name(benchmark::State& state) {
  const Home home;
  fill_index(home);
  for (auto _ : state) benchmark::DoNotOptimize(need(get(home.context(), "snapshot-77", home.call())));
}
BENCHMARK(get_by_name)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace msb::snapshot

BENCHMARK_MAIN();
