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
#include "image/context.h"
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
    open(fs);
  }

  /// Lets another process, as it were, work on the same home.
  void open(os::Fs& fs) {
    context_.reset();
    auto database = index::Database::open(os::real_fs(), dir_ / "db", {}, call_);
    EXPECT_OK(database);
    database_ = std::move(*database);
    context_.emplace(image::Context{.fs = fs,
                                    .database = *database_,
                                    .log = log_,
                                    .paths = image::CachePaths(dir_ / "cache"),
                                    .snapshots_dir = dir_ / "snapshots",
                                    .sandboxes_dir = dir_ / "sandboxes"});
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
    const std::string now = format_db_time(now_ns());
    change([&](index::Transaction& transaction) -> Done {
      MSB_CHECK(
          transaction.execute("INSERT INTO manifest (digest, config_digest, layer_count, created_at)"
                              " VALUES (?, ?, ?, ?) ON CONFLICT(digest) DO NOTHING",
                              {digest(name).text(), digest(name + " config").text(), layers.size(), now}));
      MSB_TRY(const int64_t manifest,
              id_of(transaction, "SELECT id FROM manifest WHERE digest = ?", digest(name).text()));
      MSB_CHECK(transaction.execute("DELETE FROM config WHERE manifest_id = ?", {manifest}));
      MSB_CHECK(transaction.execute("INSERT INTO config (manifest_id, digest) VALUES (?, ?)",
                                    {manifest, digest(name + " config").text()}));
      MSB_CHECK(transaction.execute("DELETE FROM manifest_layer WHERE manifest_id = ?", {manifest}));
      int64_t position = 0;
      for (const std::string& layer : layers) {
        MSB_CHECK(
            transaction.execute("INSERT INTO layer (diff_id, blob_digest, created_at, last_used_at)"
                                " VALUES (?1, ?2, ?3, ?3) ON CONFLICT(diff_id) DO UPDATE SET last_used_at = ?3",
                                {digest(layer).text(), digest(layer + " blob").text(), now}));
        MSB_TRY(const int64_t id, id_of(transaction, "SELECT id FROM layer WHERE diff_id = ?", digest(layer).text()));
        MSB_CHECK(transaction.execute("INSERT INTO manifest_layer (manifest_id, layer_id, position) VALUES (?, ?, ?)",
                                      {manifest, id, position++}));
      }
      return transaction.execute(
          "INSERT INTO image_ref (reference, manifest_id, created_at, updated_at)"
          " VALUES (?1, ?2, ?3, ?3) ON CONFLICT(reference) DO UPDATE SET manifest_id = ?2,"
          " updated_at = ?3",
          {reference, manifest, now});
    });
  }

  void write_document(const std::string& reference, const std::string& name, const std::vector<std::string>& layers) {
    std::string text = "{\"manifest_digest\":\"" + digest(name).text() + "\",\"config_digest\":\"" +
                       digest(name + " config").text() + "\",\"raw_manifest_json\":\"{}\",\"raw_config_json\":\"{}\"," +
                       "\"config\":{\"env\":[],\"labels\":{}},\"layers\":[";
    for (const std::string& layer : layers) {
      text += (&layer == &layers.front() ? "{" : ",{") + std::string("\"digest\":\"") + digest(layer + " blob").text() +
              "\",\"diff_id\":\"" + digest(layer).text() + "\"}";
    }
    write_text(document_of(reference), text + "]}");
  }

  void write_vmdk(const std::string& name, const std::vector<std::string>& layers) {
    std::string text = "# Disk DescriptorFile\n";
    for (const std::string& layer : layers) text += "RW 16 FLAT \"../layers/" + safe(layer) + ".erofs\" 0\n";
    write_text(paths().vmdk(safe(name)), text);
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
  void remove_sandbox(const std::string& name) {
    change([&](index::Transaction& transaction) {
      return transaction.execute("DELETE FROM sandbox WHERE name = ?", {name});
    });
  }

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
  static Result<int64_t> id_of(index::Transaction& transaction, std::string_view sql, const std::string& text) {
    MSB_TRY(index::Statement row, transaction.query(sql, {text}));
    MSB_TRY(const bool there, row.step());
    return there ? row.integer(0) : 0;
  }

  TempDir dir_;
  Call call_;
  Log log_;
  std::unique_ptr<index::Database> database_;
  std::optional<image::Context> context_;
};

}  // namespace msb::test
