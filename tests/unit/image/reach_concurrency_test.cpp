// Several processes that load, use, remove and prune the same images at once.
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <random>

#include <sys/wait.h>

#include "cache_home.h"
#include "image/collect.h"
#include "image/lease.h"
#include "image/prune.h"
#include "image/recover.h"
#include "image/remove.h"
#include "os/publish.h"

namespace msb::image {
namespace {

using test::CacheHome;

struct Recipe {
  const char* reference;
  const char* name;
  std::vector<std::string> layers;
};
const Recipe kImages[] = {
    {"one:1", "M1", {"base", "a"}},
    {"two:1", "M2", {"base", "b"}},
    {"three:1", "M3", {"base", "a", "c"}},
    {"also-three:1", "M3", {"base", "a", "c"}},
};

/// What the processes have in common: what a load does to a cache, but for making sense of bytes.
class Worker {
 public:
  Worker(const CacheHome& home, unsigned seed) : random_(seed) {
    auto database = index::Database::open(os::real_fs(), home.path("db"), {}, call_);
    if (!database) fail("open: " + database.error().message());
    database_ = std::move(*database);
    context_.emplace(Context{.fs = os::real_fs(),
                             .database = *database_,
                             .log = log_,
                             .paths = home.paths(),
                             .snapshots_dir = home.path("snapshots"),
                             .sandboxes_dir = home.path("sandboxes")});
  }

  [[noreturn]] static void fail(const std::string& why) {
    std::fprintf(stderr, "worker %d: %s\n", static_cast<int>(getpid()), why.c_str());
    _exit(1);
  }
  template <typename T>
  static void need(const Result<T>& result, const char* what) {
    if (!result) fail(std::string(what) + ": " + result.error().message());
  }

  const Context& context() const { return *context_; }
  const Call& call() const { return call_; }
  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }

  void load(const CacheHome& home, const Recipe& image) {
    auto lease = Lease::take(*context_, call_);
    need(lease, "lease");
    need(lease->add(CacheHome::digest(image.name), call_), "lease image");
    const CachePaths& paths = context_->paths;
    for (const std::string& layer : image.layers) {
      need(lease->add(CacheHome::digest(layer), call_), "lease layer");
      const std::string name = CacheHome::safe(layer);
      make(paths.layer(name), paths.layer_lock(name));
    }
    const std::string name = CacheHome::safe(image.name);
    make(paths.fsmeta(name), paths.fsmeta_lock(name));
    make(paths.vmdk(name), paths.fsmeta_lock(name));
    make_document(home, image);
    CacheHome::insert_rows(*database_, call_, image.reference, image.name, image.layers);
    // The image is in the index, and the lease still holds.
    check_whole(image, "loaded");
    if (pick(2) == 0) use(image, *lease);
  }

  /// A sandbox keeps the image from the moment its row is there.
  void use(const Recipe& image, Lease& lease) {
    const std::string sandbox = "sandbox-" + std::to_string(getpid());
    CacheHome::insert_sandbox(*database_, call_, sandbox, image.name);
    lease.release();
    for (unsigned i = 0; i < 3; ++i) {
      check_whole(image, "used by a sandbox");
      usleep(500);
    }
    CacheHome::delete_sandbox(*database_, call_, sandbox);
  }

 private:
  bool exists(const std::string& path) const { return std::filesystem::exists(path); }

  void make(const std::string& path, const std::string& lock_path) {
    if (exists(path)) return;
    auto lock = os::FileLock::acquire(os::real_fs(), lock_path, os::LockMode::exclusive, call_);
    need(lock, "lock");
    if (exists(path)) return;
    publish(path, "made by a load");
  }
  void make_document(const CacheHome& home, const Recipe& image) {
    const std::string path = home.document_of(image.reference);
    auto lock =
        os::FileLock::acquire(os::real_fs(), path.substr(0, path.size() - 5) + ".lock", os::LockMode::exclusive, call_);
    need(lock, "lock");
    if (!exists(path)) publish(path, CacheHome::document_text(image.name, image.layers));
  }
  void publish(const std::string& path, const std::string& text) {
    auto file = os::StagedFile::create(os::real_fs(), std::filesystem::path(path).parent_path().string());
    need(file, "stage");
    need(file->file().write_at(as_bytes(text), 0), "write");
    need(file->publish(path, os::Existing::replace), "publish");
  }

  void check_whole(const Recipe& image, const char* when) {
    const CachePaths& paths = context_->paths;
    for (const std::string& layer : image.layers) {
      if (!exists(paths.layer(CacheHome::safe(layer)))) fail(std::string("layer ") + layer + " was lost while " + when);
    }
    if (!exists(paths.fsmeta(CacheHome::safe(image.name)))) fail(std::string("fsmeta was lost while ") + when);
    if (!exists(paths.vmdk(CacheHome::safe(image.name)))) fail(std::string("vmdk was lost while ") + when);
  }

  Call call_;
  Log log_;
  std::minstd_rand random_;
  std::unique_ptr<index::Database> database_;
  std::optional<Context> context_;
};

TEST(ReachConcurrencyTest, NothingNeededIsLostAndNobodyWaitsForEver) {
  constexpr unsigned kRounds = 1000;
  constexpr auto kLongest = std::chrono::seconds(15);
  CacheHome home;
  const auto until = std::chrono::steady_clock::now() + kLongest;

  const auto loads = [&](Worker& worker) { worker.load(home, kImages[worker.pick(std::size(kImages))]); };
  const auto removes = [&](Worker& worker) {
    const auto removed = remove(worker.context(), kImages[worker.pick(std::size(kImages))].reference,
                                worker.pick(2) == 0, worker.call());
    if (!removed && removed.error().status() != Status::image_not_found &&
        removed.error().status() != Status::image_in_use) {
      Worker::need(removed, "remove");
    }
  };
  const auto prunes = [&](Worker& worker) {
    switch (worker.pick(4)) {
      case 0:
        return Worker::need(gc(worker.context(), worker.call()), "gc");
      case 1:
        return Worker::need(gc_layers(worker.context(), worker.call()), "gc_layers");
      case 2:
        return Worker::need(recover(worker.context(), Thoroughness::full, worker.call()), "recover");
      default:
        return Worker::need(prune(worker.context(), {.reference_filter = "t*"}, worker.call()), "prune");
    }
  };
  const auto plans = [&](Worker& worker) {
    const auto plan = plan_prune(worker.context(), {}, worker.call());
    Worker::need(plan, "plan");
    usleep(1000);
    Worker::need(apply_prune(worker.context(), *plan, worker.call()), "apply");
  };
  const std::function<void(Worker&)> jobs[] = {loads, loads, loads, removes, prunes, plans};

  std::vector<pid_t> children;
  for (unsigned i = 0; i < std::size(jobs); ++i) {
    const pid_t child = fork();
    if (child == 0) {
      Worker worker(home, i + 1);
      for (unsigned round = 0; round < kRounds && std::chrono::steady_clock::now() < until; ++round) jobs[i](worker);
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(home.broken_images(), std::vector<std::string>());
  home.age();
  ASSERT_OK(gc(home.context(), home.call()));
  EXPECT_EQ(home.broken_images(), std::vector<std::string>());
  ASSERT_OK(prune(home.context(), {}, home.call()));
  EXPECT_EQ(home.files(), std::set<std::string>());
}

}  // namespace
}  // namespace msb::image
