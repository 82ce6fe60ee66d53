#pragma once

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "image/context.h"
#include "index/snapshots.h"
#include "support/artifact_builder.h"
#include "support/fault_fs.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::test {

/// A home for tests that work with snapshots; there are no images in it.
class SnapshotHome {
 public:
  explicit SnapshotHome(const std::filesystem::path& parent = temp_parent())
      : dir_(parent), log_([this](LogLevel, const char*, const char* message) { note(message); }, LogLevel::warn) {
    std::filesystem::create_directories(path("snapshots"));
    open();
    use(os::real_fs());
  }

  /// From here on work goes through `fs`; the database is SQLite's own business.
  void use(os::Fs& fs) {
    context_.reset();
    context_.emplace(image::Context{.fs = fs,
                                    .database = *database_,
                                    .log = log_,
                                    .paths = image::CachePaths(path("cache")),
                                    .snapshots_dir = path("snapshots"),
                                    .sandboxes_dir = path("sandboxes"),
                                    .threads = 2});
  }
  /// Runs `work` in a process of its own, through a file system that kills it before operation `at`. True when it was
  /// killed: that many operations there are.
  template <typename Work>
  bool killed_at(unsigned at, Work work) {
    close();  // SQLite must not be carried across a fork
    const pid_t child = ::fork();
    if (child == 0) {
      FaultFs killing;
      killing.before = [at](unsigned n) {
        if (n == at) ::kill(::getpid(), SIGKILL);
      };
      open();
      use(killing);
      work(*context_);
      ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    reopen();
    return WIFSIGNALED(status);
  }
  void close() {
    context_.reset();
    database_.reset();
  }
  void reopen() {
    open();
    use(os::real_fs());
  }
  /// Puts the database of somebody else in place of ours.
  void replace_database(const std::string& dump) {
    close();
    std::filesystem::remove_all(path("db"));
    std::filesystem::create_directory(path("db"));
    auto connection = index::Connection::open(path("db/msb.db"), index::Connection::Access::read_write);
    ASSERT_OK(connection);
    ASSERT_OK((*connection)->script(dump));
    reopen();
  }

  const image::Context& context() const { return *context_; }
  index::Database& database() const { return *database_; }
  const Call& call() const { return call_; }
  std::string path(const std::string& name) const { return dir_ / name; }
  std::string snapshot(const std::string& name) const { return path("snapshots/" + name); }
  const std::vector<std::string>& warnings() const { return warnings_; }
  void forget_warnings() { warnings_.clear(); }

  /// Writes an artifact whose disk is that text, and returns its digest. What `alter` does to its descriptor makes it
  /// one of its own.
  template <typename Alter>
  std::string add(const std::string& where, Alter alter, const std::string& disk = dense4k()) {
    snapshot::Descriptor descriptor = plain_descriptor(snapshot::Form::manifest, disk.size());
    descriptor.labels["dir"] = where;
    alter(descriptor);
    write_artifact(path(where), descriptor, disk);
    return snapshot::identity(descriptor).text();
  }
  std::string add(const std::string& where) {
    return add(where, [](snapshot::Descriptor&) {});
  }

  std::vector<index::SnapshotRow> rows() const {
    auto rows = database_->read(call_, index::list_snapshots);
    EXPECT_OK(rows);
    return *std::move(rows);
  }
  std::optional<index::SnapshotRow> row(const std::string& digest) const {
    for (index::SnapshotRow& row : rows()) {
      if (row.digest == digest) return std::move(row);
    }
    return std::nullopt;
  }
  template <typename Work>
  void change(Work work) {
    EXPECT_OK(database_->write(call_, work));
  }
  /// Everything directly below a directory.
  std::set<std::string> names(const std::string& where = "snapshots") const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path(where))) {
      found.insert(entry.path().filename().string());
    }
    return found;
  }

 private:
  void note(const char* message) {
    const std::lock_guard lock(mutex_);
    warnings_.emplace_back(message);
  }
  void open() {
    auto database = index::Database::open(os::real_fs(), path("db"), {}, call_);
    EXPECT_OK(database);
    database_ = std::move(*database);
  }

  TempDir dir_;
  Call call_;
  std::mutex mutex_;  // guards what follows
  std::vector<std::string> warnings_;
  Log log_;
  std::unique_ptr<index::Database> database_;
  std::optional<image::Context> context_;
};

}  // namespace msb::test
