#pragma once

#include <fcntl.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/time.h"
#include "digest/digest.h"
#include "erofs/vmdk.h"
#include "image/context.h"
#include "index/images.h"
#include "oci/cache_record.h"
#include "oci/reference.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::test {

/// A home with a cache whose images are made of thin air: the right rows and files, but no bytes that mean anything.
/// What needs real layers loads real images instead.
class CacheHome {
 public:
  explicit CacheHome(os::Fs& fs = os::real_fs()) {
    for (const char* folder : {"cache/layers", "cache/fsmeta", "cache/vmdk", "cache/manifests", "cache/tmp",
                               "cache/blobs", "cache/leases", "snapshots", "sandboxes"}) {
      std::filesystem::create_directories(dir_.path() / folder);
    }
    open();
    use(fs);
  }
  /// A copy of another one, in its place of its own.
  CacheHome(const CacheHome& other) {
    std::filesystem::copy(other.dir_.path(), dir_.path(), std::filesystem::copy_options::recursive);
    open();
    use(os::real_fs());
  }

  /// From here on work goes through `fs`; the database is SQLite's own business.
  void use(os::Fs& fs) {
    context_.reset();
    context_.emplace(image::Context{.fs = fs,
                                    .database = *database_,
                                    .log = log_,
                                    .paths = image::CachePaths(dir_ / "cache"),
                                    .snapshots_dir = dir_ / "snapshots",
                                    .sandboxes_dir = dir_ / "sandboxes"});
  }

  /// Puts the database of somebody else in place of ours.
  void replace_database(const std::string& dump) {
    context_.reset();
    database_.reset();
    std::filesystem::remove_all(dir_ / "db");
    std::filesystem::create_directory(dir_ / "db");
    run_script(dump);
    open();
    use(os::real_fs());
  }
  void run_script(const std::string& sql) {
    auto connection = index::Connection::open(dir_ / "db/msb.db", index::Connection::Access::read_write);
    ASSERT_OK(connection);
    ASSERT_OK((*connection)->script(sql));
  }

  const image::Context& context() const { return *context_; }
  const image::CachePaths& paths() const { return context_->paths; }
  std::string path(const std::string& name) const { return dir_ / name; }
  const Call& call() const { return call_; }

  static Digest digest(const std::string& of) { return Digest::sha256_of(as_bytes(of)); }
  static std::string safe(const std::string& of) { return digest(of).safe_name(); }

  /// Files and rows of the image `name` with these layers, under the reference. Layers that are there already stay.
  void add_image(const std::string& reference, const std::string& name, const std::vector<std::string>& layers) {
    for (const std::string& layer : layers) {
      if (!std::filesystem::exists(paths().layer(safe(layer)))) write(paths().layer(safe(layer)), 8192);
      write(paths().recipe(safe(layer)), 100);
    }
    write(paths().fsmeta(safe(name)), 4096);
    write_vmdk(name, layers);
    write_document(reference, name, layers);
    add_rows(reference, name, layers);
  }

  void add_rows(const std::string& reference, const std::string& name, const std::vector<std::string>& layers) {
    insert_rows(*database_, call_, reference, name, layers);
  }
  static void insert_rows(index::Database& database, const Call& call, const std::string& reference,
                          const std::string& name, const std::vector<std::string>& layers) {
    index::ImageRecord image;
    image.manifest_digest = digest(name).text();
    image.config.digest = digest(name + " config").text();
    for (const std::string& layer : layers) {
      index::LayerRecord& record = image.layers.emplace_back();
      record.diff_id = digest(layer).text();
      record.blob_digest = digest(layer + " blob").text();
    }
    EXPECT_OK(database.write(
        call, [&](index::Transaction& transaction) { return index::persist_image(transaction, reference, image); }));
  }

  void write_document(const std::string& reference, const std::string& name, const std::vector<std::string>& layers) {
    write_text(document_of(reference), document_text(name, layers));
  }
  static std::string document_text(const std::string& name, const std::vector<std::string>& layers) {
    oci::CacheRecord record;
    record.manifest_digest = digest(name);
    record.config_digest = digest(name + " config");
    record.raw_manifest = "{}";
    record.raw_config = "{}";
    for (const std::string& layer : layers) record.layers.push_back({digest(layer + " blob"), {}, {}, digest(layer)});
    return record.write();
  }

  void write_vmdk(const std::string& name, const std::vector<std::string>& layers) {
    std::vector<erofs::Extent> extents{{"../fsmeta/" + safe(name) + ".erofs", 8}};
    for (const std::string& layer : layers) extents.push_back({"../layers/" + safe(layer) + ".erofs", 16});
    write_text(paths().vmdk(safe(name)), *erofs::format_vmdk(extents));
  }

  std::string document_of(const std::string& reference) const {
    return paths().metadata(oci::Reference::parse(reference)->cache_key());
  }

  /// A sandbox whose stored configuration pins the image; once booted it also has a row for its root file system.
  void add_sandbox(const std::string& name, const std::string& image, bool booted) {
    const std::string config =
        "{\"image\":{\"Oci\":{\"reference\":\"x\"}},\"manifest_digest\":\"" + digest(image).text() + "\"}";
    add_sandbox_with(name, config, booted ? image : "");
  }
  void add_sandbox_with(const std::string& name, const std::string& config, const std::string& booted_image) {
    change([&](index::Transaction& transaction) -> Done {
      MSB_CHECK(
          transaction.execute("INSERT INTO sandbox (name, config, status) VALUES (?, ?, 'Stopped')", {name, config}));
      if (booted_image.empty()) return {};
      return transaction.execute(
          "INSERT INTO sandbox_rootfs (sandbox_id, manifest_id, mode)"
          " SELECT s.id, m.id, 'erofs' FROM sandbox s, manifest m WHERE s.name = ? AND m.digest = ?",
          {name, digest(booted_image).text()});
    });
  }
  static void insert_sandbox(index::Database& database, const Call& call, const std::string& name,
                             const std::string& image) {
    EXPECT_OK(database.write(call, [&](index::Transaction& transaction) {
      return transaction.execute("INSERT INTO sandbox (name, config, status) VALUES (?, ?, 'Stopped')",
                                 {name, "{\"manifest_digest\":\"" + digest(image).text() + "\"}"});
    }));
  }
  static void delete_sandbox(index::Database& database, const Call& call, const std::string& name) {
    EXPECT_OK(database.write(call, [&](index::Transaction& transaction) {
      return transaction.execute("DELETE FROM sandbox WHERE name = ?", {name});
    }));
  }
  void remove_sandbox(const std::string& name) { delete_sandbox(*database_, call_, name); }

  /// An artifact on disk that nobody has indexed.
  void add_artifact(const std::string& name, const std::string& descriptor, const std::string& image) {
    write_artifact(name, descriptor,
                   "{\"schema\":1,\"image\":{\"ref\":\"x\",\"manifest_digest\":\"" + digest(image).text() + "\"}}");
  }
  void write_artifact(const std::string& name, const std::string& descriptor, const std::string& text) {
    const std::filesystem::path directory = dir_.path() / "snapshots" / name;
    std::filesystem::create_directories(directory);
    write_text(directory / descriptor, text);
    write((directory / "upper.ext4").string(), 5000);
  }
  void add_snapshot_row(const std::string& name, const std::string& path, const std::string& image) {
    change([&](index::Transaction& transaction) {
      return transaction.execute(
          "INSERT INTO snapshot_index (digest, name, image_ref, image_manifest_digest, format,"
          " fstype, artifact_path, size_bytes, created_at, indexed_at)"
          " VALUES (?, ?, 'x', ?, 'raw', 'ext4', ?, 1, ?5, ?5)",
          {digest(name).text(), name, digest(image).text(), path, format_db_time(now_ns())});
    });
  }

  template <typename Work>
  void change(Work work) {
    EXPECT_OK(database_->write(call_, work));
  }
  int64_t count(const std::string& table) {
    auto rows = database_->read(call_, [&](index::Transaction& transaction) -> Result<int64_t> {
      MSB_TRY(index::Statement row, transaction.query("SELECT count(*) FROM " + table));
      MSB_TRY(const bool there, row.step());
      return there ? row.integer(0) : -1;
    });
    EXPECT_OK(rows);
    return *rows;
  }

  static void write(const std::string& path, size_t size) { write_text(path, std::string(size, 'x')); }
  /// Makes everything in the cache, or one file, look two hours old.
  void age() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(paths().root())) age(entry.path());
  }
  static void age(const std::filesystem::path& path) {
    std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  }

  /// Every file of the cache but locks and leases, relative to it.
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(paths().root())) {
      const std::string name = std::filesystem::relative(entry.path(), paths().root()).string();
      if (entry.is_directory() || name.ends_with(".lock") || name.starts_with("leases/")) continue;
      names.insert(name);
    }
    return names;
  }
  /// Images that the index has but whose files are not all there; the worst that can happen.
  std::vector<std::string> broken_images() {
    auto broken = database_->read(call_, [&](index::Transaction& transaction) -> Result<std::vector<std::string>> {
      std::vector<std::string> names;
      MSB_TRY(const std::vector<index::ManifestRow> manifests, index::list_manifests(transaction));
      for (const index::ManifestRow& manifest : manifests) {
        const std::string name = Digest::parse(manifest.digest)->safe_name();
        bool whole = std::filesystem::exists(paths().fsmeta(name)) && std::filesystem::exists(paths().vmdk(name));
        for (const std::string& layer : manifest.diff_ids) {
          whole = whole && std::filesystem::exists(paths().layer(Digest::parse(layer)->safe_name()));
        }
        for (const std::string& reference : manifest.references) whole = whole && has_document(reference);
        if (!whole) names.push_back(manifest.digest);
      }
      return names;
    });
    EXPECT_OK(broken);
    return broken ? *std::move(broken) : std::vector<std::string>{"the index cannot be read"};
  }
  bool has_layer(const std::string& name) const { return std::filesystem::exists(paths().layer(safe(name))); }
  bool has_image(const std::string& name) const {
    return std::filesystem::exists(paths().fsmeta(safe(name))) && std::filesystem::exists(paths().vmdk(safe(name)));
  }
  bool has_document(const std::string& reference) const { return std::filesystem::exists(document_of(reference)); }

  /// What the cache allocates, by the kernel's own count.
  uint64_t allocated() const {
    uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(paths().root())) {
      struct stat status {};
      if (::lstat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
        bytes += static_cast<uint64_t>(status.st_blocks) * 512;
      }
    }
    return bytes;
  }

 private:
  void open() {
    auto database = index::Database::open(os::real_fs(), dir_ / "db", {}, call_);
    EXPECT_OK(database);
    database_ = std::move(*database);
  }

  TempDir dir_;
  Call call_;
  Log log_;
  std::unique_ptr<index::Database> database_;
  std::optional<image::Context> context_;
};

}  // namespace msb::test
