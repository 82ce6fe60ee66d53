// Making and listing sandboxes, in a home below $TMPDIR, or /tmp: a new disk of 4 GiB alone, a whole sandbox with it,
// and a list of 10,000.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "base/time.h"
#include "digest/digest.h"
#include "index/images.h"
#include "index/sandboxes.h"
#include "os/workers.h"
#include "sandbox/create.h"
#include "sandbox/registry.h"
#include "sandbox/remove.h"
#include "sandbox/upper_disk.h"

namespace msb::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr char kImage[] = "local/bench:1";
constexpr int kListed = 10'000;

template <typename T>
T need(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// A home with an image, for the length of a benchmark.
class Home {
 public:
  Home() {
    const char* const parent = std::getenv("TMPDIR");
    root_ = fs::path(parent != nullptr ? parent : "/tmp") / ("sandbox-bench-" + std::to_string(::getpid()));
    fs::create_directories(root_ / "cache/leases");
    database_ = need(index::Database::open(os::real_fs(), root_ / "db", {}, call_));
    context_ = std::make_unique<image::Context>(image::Context{.fs = os::real_fs(),
                                                               .database = *database_,
                                                               .log = log_,
                                                               .paths = image::CachePaths(root_ / "cache"),
                                                               .snapshots_dir = root_ / "snapshots",
                                                               .sandboxes_dir = root_ / "sandboxes",
                                                               .threads = os::processor_count()});
    add_image();
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() {
    database_.reset();
    fs::remove_all(root_);
  }

  const image::Context& context() const { return *context_; }
  const Call& call() const { return call_; }
  std::string path(const std::string& name) const { return root_ / name; }

 private:
  void add_image() {
    const Digest manifest = Digest::sha256_of(as_bytes("manifest"));
    index::ImageRecord image;
    image.manifest_digest = manifest.text();
    image.config.digest = Digest::sha256_of(as_bytes("config")).text();
    need(database_->write(
        call_, [&](index::Transaction& transaction) { return index::persist_image(transaction, kImage, image); }));
    for (const std::string& file :
         {context_->paths.fsmeta(manifest.safe_name()), context_->paths.vmdk(manifest.safe_name())}) {
      fs::create_directories(fs::path(file).parent_path());
      std::ofstream(file) << "x";
    }
  }

  fs::path root_;
  Call call_;
  Log log_;
  std::unique_ptr<index::Database> database_;
  std::unique_ptr<image::Context> context_;
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
