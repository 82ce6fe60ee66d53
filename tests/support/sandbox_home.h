#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "digest/digest.h"
#include "image/context.h"
#include "index/images.h"
#include "sandbox/create.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::test {

inline constexpr char kSandboxImage[] = "local/base:1";
inline constexpr uint64_t kSmallDisk = uint64_t{68} << 20;

/// Makes an image appear in the cache, as far as sandboxes look at it: its rows, and files where its own would be.
/// Returns the digest of its manifest. Images of one reference differ by `content`.
inline std::string add_sandbox_image(const image::Context& context, const std::string& reference = kSandboxImage,
                                     const std::string& content = "one") {
  const Call call;
  const Digest manifest = Digest::sha256_of(as_bytes("manifest " + content));
  const Digest layer = Digest::sha256_of(as_bytes("layer " + content));
  index::ImageRecord image;
  image.manifest_digest = manifest.text();
  image.config.digest = Digest::sha256_of(as_bytes("config " + content)).text();
  image.config.env = {"PATH=/bin:/usr/bin", "EMPTY=", "BARE"};
  image.config.cmd = index::Strings{"/bin/sh"};
  image.config.working_dir = "/root";
  image.layers.push_back({.diff_id = layer.text(),
                          .blob_digest = layer.text(),
                          .media_type = {},
                          .compressed_size = {},
                          .erofs_size = {}});
  EXPECT_OK(context.database.write(
      call, [&](index::Transaction& transaction) { return index::persist_image(transaction, reference, image); }));
  const image::CachePaths& paths = context.paths;
  for (const std::string& path :
       {paths.fsmeta(manifest.safe_name()), paths.vmdk(manifest.safe_name()), paths.layer(layer.safe_name())}) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    write_text(path, "x");
  }
  std::filesystem::create_directories(paths.leases());
  return manifest.text();
}

/// What makes a sandbox of that image with a small disk.
inline sandbox::CreateRequest sandbox_request() {
  sandbox::CreateRequest request;
  request.image = kSandboxImage;
  request.upper_size = kSmallDisk;
  return request;
}

/// A stopped sandbox, and its image.
inline sandbox::Sandbox add_sandbox(const image::Context& context, const std::string& name) {
  add_sandbox_image(context);
  auto sandbox = sandbox::create(context, name, sandbox_request(), Call());
  EXPECT_OK(sandbox);
  return *std::move(sandbox);
}

/// A home for tests that work with sandboxes, with an image in its cache.
class SandboxHome {
 public:
  explicit SandboxHome(os::Fs& fs = os::real_fs())
      : log_([this](LogLevel, const char*, const char* message) { warnings_.emplace_back(message); }, LogLevel::warn) {
    open();
    use(os::real_fs());
    image_ = add_sandbox_image(context());
    use(fs);
  }

  /// From here on work goes through `fs`; the database is SQLite's own business.
  void use(os::Fs& fs) {
    context_.reset();
    context_.emplace(context_with(*database_, fs));
  }
  /// The home as another process sees it, through a database that this one has opened.
  image::Context context_with(index::Database& database, os::Fs& fs = os::real_fs()) const {
    return {.fs = fs,
            .database = database,
            .log = log_,
            .paths = image::CachePaths(path("cache")),
            .snapshots_dir = path("snapshots"),
            .sandboxes_dir = path("sandboxes"),
            .busy_timeout = std::chrono::milliseconds(200),
            .threads = 2};
  }
  /// Puts the database of somebody else in place of ours; without an image.
  void replace_database(const std::string& dump) {
    context_.reset();
    database_.reset();
    std::filesystem::remove_all(path("db"));
    std::filesystem::create_directory(path("db"));
    run_script(dump);
    open();
    use(os::real_fs());
  }
  void run_script(const std::string& sql) const {
    auto connection = index::Connection::open(path("db/msb.db"), index::Connection::Access::read_write);
    ASSERT_OK(connection);
    ASSERT_OK((*connection)->script(sql));
  }

  const image::Context& context() const { return *context_; }
  const Call& call() const { return call_; }
  std::string path(const std::string& name) const { return dir_ / name; }
  std::string directory(const std::string& sandbox) const { return path("sandboxes/" + sandbox); }
  const std::string& image() const { return image_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

  Result<sandbox::Sandbox> create(const std::string& name,
                                  const sandbox::CreateRequest& request = sandbox_request()) const {
    return sandbox::create(context(), name, request, call_);
  }

  /// First column of the first row, as text; "none" where there is no row.
  std::string query(const std::string& sql) const {
    auto answer = database_->read(call_, [&](index::Transaction& transaction) -> Result<std::string> {
      MSB_TRY(index::Statement rows, transaction.query(sql));
      MSB_TRY(const bool row, rows.step());
      return row ? rows.text(0) : std::string("none");
    });
    EXPECT_OK(answer);
    return answer ? *answer : std::string();
  }
  /// Everything directly in the sandboxes directory.
  std::set<std::string> names() const {
    std::set<std::string> found;
    if (!std::filesystem::exists(path("sandboxes"))) return found;
    for (const auto& entry : std::filesystem::directory_iterator(path("sandboxes"))) {
      found.insert(entry.path().filename().string());
    }
    return found;
  }

 private:
  void open() {
    auto database = index::Database::open(os::real_fs(), path("db"), {}, call_);
    EXPECT_OK(database);
    database_ = std::move(*database);
  }

  TempDir dir_;
  Call call_;
  std::vector<std::string> warnings_;
  Log log_;
  std::unique_ptr<index::Database> database_;
  std::optional<image::Context> context_;
  std::string image_;
};

}  // namespace msb::test
