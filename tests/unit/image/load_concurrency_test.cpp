// Real images: processes that load, remove, prune and check the same ones at once, and one that watches.
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <random>

#include <sys/wait.h>

#include "image/check.h"
#include "image/collect.h"
#include "image/prune.h"
#include "image/remove.h"
#include "index/images.h"
#include "support/image_archive.h"
#include "support/image_home.h"

namespace msb::image {
namespace {

using test::ImageHome;

constexpr auto kTime = std::chrono::seconds(4);

/// One process at work on the home of the test.
class Worker {
 public:
  Worker(const ImageHome& home, unsigned seed) : random_(seed) {
    auto database = index::Database::open(os::real_fs(), home.path("db"), {}, call_);
    need(database, "open");
    database_ = std::move(*database);
    context_.emplace(Context{.fs = os::real_fs(),
                             .database = *database_,
                             .log = log_,
                             .paths = home.paths(),
                             .snapshots_dir = home.path("snapshots"),
                             .sandboxes_dir = home.path("sandboxes"),
                             .threads = 2});
  }

  template <typename T>
  static void need(const Result<T>& result, const char* what) {
    if (!result) fail(std::string(what) + ": " + result.error().message());
  }
  [[noreturn]] static void fail(const std::string& why) {
    std::fprintf(stderr, "worker %d: %s\n", static_cast<int>(getpid()), why.c_str());
    _exit(1);
  }

  const Context& context() const { return *context_; }
  const Call& call() const { return call_; }
  unsigned pick(size_t count) { return static_cast<unsigned>(random_() % count); }

  std::vector<index::ManifestRow> manifests() {
    auto rows =
        database_->read(call_, [](index::Transaction& transaction) { return index::list_manifests(transaction); });
    need(rows, "list");
    return std::move(*rows);
  }

  /// While an image is in the index all of its files are there: rows come last and go first.
  void watch() {
    for (const index::ManifestRow& row : manifests()) {
      const std::string missing = missing_file(row);
      if (missing.empty()) continue;
      for (const index::ManifestRow& again : manifests()) {
        if (again.id == row.id && !missing_file(again).empty())
          fail(missing + " is missing, but its image is in the index");
      }
    }
    usleep(200);
  }

 private:
  std::string missing_file(const index::ManifestRow& row) const {
    const CachePaths& paths = context_->paths;
    const std::string name = Digest::parse(row.digest)->safe_name();
    std::vector<std::string> files{paths.fsmeta(name), paths.vmdk(name)};
    for (const std::string& layer : row.diff_ids) files.push_back(paths.layer(Digest::parse(layer)->safe_name()));
    for (const std::string& file : files) {
      if (!std::filesystem::exists(file)) return file;
    }
    return {};
  }

  Call call_;
  Log log_;
  std::minstd_rand random_;
  std::unique_ptr<index::Database> database_;
  std::optional<Context> context_;
};

TEST(LoadConcurrencyTest, ImagesAreWholeOrGoneAtAnyTime) {
  ImageHome home;
  const std::string base = test::small_layer("base", std::string(100'000, 'b'));
  const std::string a = test::small_layer("a", "a");
  const std::string b = test::small_layer("b", std::string(20'000, 'b'));
  const std::string archives[] = {home.archive(test::docker_archive("one:1", {base, a}), "one.tar"),
                                  home.archive(test::docker_archive("two:1", {base, b}), "two.tar"),
                                  home.archive(test::docker_archive("three:1", {base, a, b}), "three.tar")};
  const char* const references[] = {"one:1", "two:1", "three:1"};

  const auto loads = [&](Worker& worker) {
    Worker::need(load(worker.context(), ImageHome::request(archives[worker.pick(3)]), worker.call()), "load");
  };
  const auto removes = [&](Worker& worker) {
    const auto removed = remove(worker.context(), references[worker.pick(3)], true, worker.call());
    if (!removed && removed.error().status() != Status::image_not_found) Worker::need(removed, "remove");
  };
  const auto sweeps = [&](Worker& worker) {
    if (worker.pick(2) == 0) return Worker::need(prune(worker.context(), {}, worker.call()), "prune");
    Worker::need(gc(worker.context(), worker.call()), "gc");
  };
  const auto checks = [&](Worker& worker) {
    Worker::need(check(worker.context(), {.repair = true}, worker.call()), "check");
  };
  const auto watches = [&](Worker& worker) { worker.watch(); };
  const std::function<void(Worker&)> jobs[] = {loads, loads, removes, sweeps, checks, watches};

  const auto until = std::chrono::steady_clock::now() + kTime;
  std::vector<pid_t> children;
  for (unsigned i = 0; i < std::size(jobs); ++i) {
    const pid_t child = fork();
    if (child == 0) {
      Worker worker(home, i + 1);
      while (std::chrono::steady_clock::now() < until) jobs[i](worker);
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  for (const std::string& archive : archives) ASSERT_OK(home.load(archive));
  auto problems = check(home.context(), {.deep = true}, home.call());
  ASSERT_OK(problems);
  for (const Problem& problem : *problems) ADD_FAILURE() << problem.message;
}

}  // namespace
}  // namespace msb::image
