// From a tree to files: layers (bodies copied, or the spool converted), the merge, fsmeta. Files lie in $TMPDIR or
// /tmp.

#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "erofs/fsmeta_writer.h"
#include "erofs/layer_writer.h"
#include "erofs/reader.h"
#include "tree/merge.h"

namespace msb {
namespace {

constexpr int kFilesInDirectory = 100;

std::string folder() {
  const char* const named = std::getenv("TMPDIR");
  return named != nullptr ? named : "/tmp";
}

/// `files` files of `size` bytes each, in the order of the layer.
tree::Tree make_tree(int files, uint64_t size) {
  tree::Tree tree;
  tree::Id directory = tree::kRoot;
  for (int i = 0; i < files; ++i) {
    if (i % kFilesInDirectory == 0) {
      directory = tree.add(tree::Kind::directory);
      tree.link(tree::kRoot, "directory-" + std::to_string(1'000'000 + i), directory);
    }
    const tree::Id id = tree.add(tree::Kind::regular);
    tree.at(id).size = size;
    tree.at(id).data_offset = static_cast<uint64_t>(i) * align_up(size, erofs::kBlock);
    tree.link(directory, "a-file-of-the-layer-" + std::to_string(1'000'000 + i), id);
  }
  return tree;
}

os::File make_spool(int files, uint64_t size) {
  auto spool = os::File::temporary(os::real_fs(), folder());
  std::vector<std::byte> body(align_up(size, erofs::kBlock), std::byte{'x'});
  os::FileSink sink(*spool);
  for (int i = 0; i < files; ++i) (void)sink.write(body);
  return std::move(*spool);
}

/// Arguments: files, bytes of each, and whether the spool becomes the layer. What is timed ends with the sync.
void write_layer(benchmark::State& state) {
  const auto files = static_cast<int>(state.range(0));
  const auto size = static_cast<uint64_t>(state.range(1));
  const Call call;
  const tree::Tree tree = make_tree(files, size);
  for (auto _ : state) {
    state.PauseTiming();
    const os::File spool = make_spool(files, size);
    state.ResumeTiming();
    const auto layout = erofs::plan_layer(tree, call);
    if (state.range(2) != 0) {
      const auto converted = erofs::convert_spool(tree, *layout, spool, call);
      if (!converted || !*converted || !spool.sync()) state.SkipWithError("not converted");
    } else {
      const auto out = os::File::temporary(os::real_fs(), folder());
      if (!erofs::write_layer(tree, *layout, spool, *out, call) || !out->sync()) state.SkipWithError("not written");
    }
  }
  state.SetBytesProcessed(state.iterations() * state.range(0) * state.range(1));
}
BENCHMARK(write_layer)
    ->ArgNames({"files", "bytes", "convert"})
    ->Args({10'000, 20'000, 0})
    ->Args({10'000, 20'000, 1})
    ->Args({100, 2 << 20, 0})
    ->Args({100, 2 << 20, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void read_layer(benchmark::State& state) {
  const Call call;
  const tree::Tree tree = make_tree(static_cast<int>(state.range(0)), 1);
  const os::File spool = make_spool(static_cast<int>(state.range(0)), 1);
  const auto layer = os::File::temporary(os::real_fs(), folder());
  if (!erofs::write_layer(tree, *erofs::plan_layer(tree, call), spool, *layer, call))
    state.SkipWithError("not written");
  for (auto _ : state) {
    if (!erofs::read_layer(*layer, call)) state.SkipWithError("not read");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(read_layer)->Arg(100'000)->Unit(benchmark::kMillisecond);

void merge_and_write_fsmeta(benchmark::State& state) {
  const Call call;
  for (auto _ : state) {
    state.PauseTiming();
    tree::Tree layers[] = {make_tree(static_cast<int>(state.range(0)), 20'000),
                           make_tree(static_cast<int>(state.range(0)) / 10, 20'000)};
    state.ResumeTiming();
    tree::Tree merged;
    for (uint32_t i = 0; i < 2; ++i) {
      if (!tree::apply_layer(merged, std::move(layers[i]), i, call)) state.SkipWithError("not merged");
    }
    const std::vector<uint32_t> blocks(2, 1U << 30);
    const auto layout = erofs::plan_fsmeta(merged, blocks.size(), call);
    const auto out = os::File::temporary(os::real_fs(), folder());
    if (!erofs::write_fsmeta(merged, *layout, blocks, *out, call)) state.SkipWithError("not written");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(merge_and_write_fsmeta)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace msb

BENCHMARK_MAIN();
