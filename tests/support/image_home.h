#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "image/context.h"
#include "image/load.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::test {

/// A home of its own for a test that works with real images.
class ImageHome {
 public:
  explicit ImageHome(os::Fs& fs = os::real_fs(), unsigned threads = 2) : ImageHome(nullptr, fs, threads) {}
  /// Another look at a home that exists: from another process, as it were.
  explicit ImageHome(const ImageHome& other) : ImageHome(&other, os::real_fs(), 2) {}
  ImageHome(const ImageHome& other, os::Fs& fs) : ImageHome(&other, fs, 2) {}
  ImageHome& operator=(const ImageHome&) = delete;

  const image::Context& context() const { return *context_; }
  const image::CachePaths& paths() const { return context_->paths; }
  const Call& call() const { return call_; }
  std::string path(const std::string& name) const { return (root_ / name).string(); }
  const std::vector<std::string>& warnings() const { return warnings_; }

  Result<std::vector<index::ImageRow>> load(const std::string& archive, std::vector<std::string> tags = {}) const {
    return image::load(*context_, request(archive, std::move(tags)), call_);
  }
  /// Images for the platform that the fixtures were made for, wherever the test runs.
  static image::LoadRequest request(const std::string& archive, std::vector<std::string> tags = {}) {
    image::LoadRequest request;
    request.path = archive;
    request.tags = std::move(tags);
    request.platform = oci::Platform{"linux", "amd64", ""};
    return request;
  }
  /// Writes an archive below the home and says where.
  std::string archive(const std::string& bytes, const std::string& name = "archive.tar") const {
    write_text(path(name), bytes);
    return path(name);
  }

  /// Files of the cache but locks, by their paths below it, with their content.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> found;
    if (!std::filesystem::exists(paths().root())) return found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(paths().root())) {
      const std::string name = std::filesystem::relative(entry.path(), paths().root()).string();
      if (entry.is_directory() || name.ends_with(".lock") || name == "leases/.gate") continue;
      found.emplace(name, read_file(entry.path()));
    }
    return found;
  }
  /// Lock files that are named after content.
  std::set<std::string> lock_names() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(paths().root())) {
      const std::string name = std::filesystem::relative(entry.path(), paths().root()).string();
      if (name.ends_with(".lock") && !name.starts_with("leases/")) names.insert(name);
    }
    return names;
  }
  std::set<std::string> file_names() const {
    std::set<std::string> names;
    for (const auto& [name, content] : files()) names.insert(name);
    return names;
  }

 private:
  ImageHome(const ImageHome* other, os::Fs& fs, unsigned threads)
      : log_(
            [this](LogLevel, const char*, const char* message) {
              const std::lock_guard lock(mutex_);  // workers write too
              warnings_.emplace_back(message);
            },
            LogLevel::warn) {
    if (other == nullptr) dir_.emplace();
    root_ = other == nullptr ? dir_->path() : other->root_;
    auto database = index::Database::open(os::real_fs(), path("db"), {}, call_);
    EXPECT_OK(database);
    database_ = std::move(*database);
    context_.emplace(image::Context{.fs = fs,
                                    .database = *database_,
                                    .log = log_,
                                    .paths = image::CachePaths(path("cache")),
                                    .snapshots_dir = path("snapshots"),
                                    .sandboxes_dir = path("sandboxes"),
                                    .threads = threads});
  }

  std::optional<TempDir> dir_;
  std::filesystem::path root_;
  Call call_;
  std::mutex mutex_;
  std::vector<std::string> warnings_;
  Log log_;
  std::unique_ptr<index::Database> database_;
  std::optional<image::Context> context_;
};

}  // namespace msb::test
