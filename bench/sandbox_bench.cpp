// Making and listing sandboxes, in a home below $TMPDIR, or /tmp: a new disk of 4 GiB alone, a whole sandbox with it,
// and a list of 10,000.

#include <filesystem>
#include <fstream>
#include <string>

#include <benchmark/benchmark.h>

#include "base/time.h"
#include "bench_home.h"
#include "digest/digest.h"
#include "index/images.h"
#include "index/sandboxes.h"
#include "sandbox/create.h"
#include "sandbox/registry.h"
#include "sandbox/remove.h"
#include "sandbox/upper_disk.h"

namespace msb::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr char kImage[] = "local/bench:1";
constexpr int kListed = 10'000;

using bench::need;

/// A home with an image.
class Home : public bench::BenchHome {
 public:
  Home() { add_image(); }

 private:
  void add_image() {
    const Digest manifest = Digest::sha256_of(as_bytes("manifest"));
    index::ImageRecord image;
    image.manifest_digest = manifest.text();
    image.config.digest = Digest::sha256_of(as_bytes("config")).text();
    need(context().database.write(
        call(), [&](index::Transaction& transaction) { return index::persist_image(transaction, kImage, image); }));
    for (const std::string& file :
         {context().paths.fsmeta(manifest.safe_name()), context().paths.vmdk(manifest.safe_name())}) {
      fs::create_directories(fs::path(file).parent_path());
      std::ofstream(file) << "x";
    }
  }
};

void new_disk(benchmark::State& state) {
  const Home home;
  for (auto _ : state) {
    state.PauseTiming();
    os::File file = need(os::File::temporary(os::real_fs(), home.path("")));
    state.ResumeTiming();
    need(format_upper(file, kDefaultUpperSize, random_upper_uuid(), home.call()));
    state.PauseTiming();
    file = os::File();
    state.ResumeTiming();
  }
}
BENCHMARK(new_disk)->Unit(benchmark::kMillisecond)->UseRealTime();

void create_and_remove(benchmark::State& state) {
  const Home home;
  CreateRequest request;
  request.image = kImage;
  for (auto _ : state) {
    need(create(home.context(), "web", request, home.call()));
    state.PauseTiming();
    need(remove(home.context(), "web", home.call()));
    state.ResumeTiming();
  }
}
BENCHMARK(create_and_remove)->Name("create")->Unit(benchmark::kMillisecond)->UseRealTime();

void list_many(benchmark::State& state) {
  const Home home;
  CreateRequest request;
  request.image = kImage;
  index::NewSandbox sandbox;
  sandbox.config = need(create(home.context(), "model", request, home.call())).config_json;
  sandbox.status = "Stopped";
  sandbox.created_at = now_ns();
  need(home.context().database.write(home.call(), [&](index::Transaction& transaction) -> Done {
    for (int i = 0; i < kListed; ++i) {
      sandbox.name = "sandbox-" + std::to_string(i);
      MSB_CHECK(index::insert_sandbox(transaction, sandbox));
    }
    return {};
  }));
  for (auto _ : state) need(list(home.context(), {}, home.call()));
}
BENCHMARK(list_many)->Name("list_10000")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace msb::sandbox

BENCHMARK_MAIN();
