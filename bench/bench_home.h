#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <type_traits>

#include "image/context.h"
#include "os/workers.h"

namespace msb::bench {

/// The value, or the end of the program with the reason.
template <typename T>
T need(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// A home below $TMPDIR for the length of a benchmark.
class BenchHome {
 public:
  BenchHome() {
    const char* const parent = std::getenv("TMPDIR");
    root_ = std::filesystem::path(parent != nullptr ? parent : "/tmp") / ("msb-bench-" + std::to_string(::getpid()));
    for (const char* const part : {"cache/leases", "snapshots", "sandboxes"}) {
      std::filesystem::create_directories(root_ / part);
    }
    database_ = need(index::Database::open(os::real_fs(), root_ / "db", {}, call_));
    context_ = std::make_unique<image::Context>(image::Context{.fs = os::real_fs(),
                                                               .database = *database_,
                                                               .log = log_,
                                                               .paths = image::CachePaths(root_ / "cache"),
                                                               .snapshots_dir = root_ / "snapshots",
                                                               .sandboxes_dir = root_ / "sandboxes",
                                                               .threads = os::processor_count()});
  }
  BenchHome(const BenchHome&) = delete;
  BenchHome& operator=(const BenchHome&) = delete;
  ~BenchHome() {
    database_.reset();
    std::filesystem::remove_all(root_);
  }

  const image::Context& context() const { return *context_; }
  const Call& call() const { return call_; }
  std::string path(const std::string& name) const { return root_ / name; }

 private:
  std::filesystem::path root_;
  Call call_;
  Log log_;
  std::unique_ptr<index::Database> database_;
  std::unique_ptr<image::Context> context_;
};

}  // namespace msb::bench
