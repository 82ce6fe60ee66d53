// Snapshots on filesystems that differ: in clones, in holes, and in what works when there is no space.
#include <fcntl.h>

#include <optional>

#include <gtest/gtest.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "os/publish.h"
#include "sandbox/recover.h"
#include "sandbox/remove.h"
#include "snapshot/create.h"
#include "snapshot/directory.h"
#include "snapshot/hash_file.h"
#include "snapshot/indexing.h"
#include "snapshot/recover.h"
#include "snapshot/remove.h"
#include "snapshot/restore.h"
#include "snapshot/verify.h"
#include "support/filesystem_mount.h"
#include "support/sandbox_home.h"
#include "support/snapshot_home.h"

namespace msb::snapshot {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

struct Kind {
  const char* name;
  size_t mebibytes;
  bool clones;
};

class FilesystemTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    mount_.emplace(GetParam().name, GetParam().mebibytes);
    if (!mount_->skip_reason().empty()) GTEST_SKIP() << mount_->skip_reason();
    home_.emplace(mount_->path());
  }
  const Context& context() const { return home_->context(); }

  /// A disk of 256 MiB, with 3 MiB of data in three places.
  CaptureSource source() const {
    const auto file = os::File::open(os::real_fs(), AT_FDCWD, home_->path("upper"), O_RDWR | O_CREAT);
    EXPECT_OK(file);
    EXPECT_OK(file->truncate(256 * kMiB));
    for (const uint64_t at : {uint64_t{0}, 100 * kMiB, 255 * kMiB}) {
      EXPECT_OK(file->write_at(as_bytes(std::string(kMiB, static_cast<char>('a' + at / kMiB % 23))), at));
    }
    EXPECT_OK(file->sync());
    return {"box", home_->path("upper"), "docker.io/library/alpine:3.20", "sha256:" + std::string(64, 'b'),
            std::nullopt};
  }
  Result<Artifact> capture(const std::string& name, bool hashed) const {
    CreateRequest request;
    request.name = name;
    request.force = true;
    if (hashed) request.integrity = Algorithm::merkle;
    return create(context(), source(), request, home_->call());
  }

  /// Leaves not a byte.
  void fill() const {
    const auto file = os::File::open(os::real_fs(), AT_FDCWD, home_->path("filler"), O_RDWR | O_CREAT);
    ASSERT_OK(file);
    uint64_t at = 0;
    for (const size_t step : {size_t{1} << 20, size_t{4096}}) {
      const std::string bytes(step, '\1');
      while (file->write_at(as_bytes(bytes), at)) at += step;
      (void)file->sync();
    }
  }

  std::optional<test::FilesystemMount> mount_;
  std::optional<test::SnapshotHome> home_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, FilesystemTest,
                         testing::Values(Kind{"ext4", 64, false}, Kind{"xfs", 320, true}, Kind{"btrfs", 128, true},
                                         Kind{"tmpfs", 32, false}, Kind{"overlay", 32, false}),
                         [](const auto& instance) { return std::string(instance.param.name); });

/// Whether all data of a file lies in blocks that another file has too. That it took no time follows from it.
bool shares_blocks(const std::string& path) {
  constexpr uint32_t kMost = 64;
  std::vector<std::byte> memory(sizeof(struct fiemap) + kMost * sizeof(struct fiemap_extent));
  auto* const map = reinterpret_cast<struct fiemap*>(memory.data());
  map->fm_length = FIEMAP_MAX_OFFSET;
  map->fm_flags = FIEMAP_FLAG_SYNC;
  map->fm_extent_count = kMost;
  const os::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (::ioctl(fd.get(), FS_IOC_FIEMAP, map) != 0 || map->fm_mapped_extents == 0) return false;
  for (uint32_t i = 0; i < map->fm_mapped_extents; ++i) {
    if ((map->fm_extents[i].fe_flags & FIEMAP_EXTENT_SHARED) == 0) return false;
  }
  return true;
}

TEST_P(FilesystemTest, DisksAreSharedWhereTheyCanBeAndSparseElsewhere) {
  for (const bool hashed : {false, true}) {
    const auto made = capture("a", hashed);
    ASSERT_OK(made);
    EXPECT_OK(verify(os::real_fs(), *made, 2, home_->call()));
    EXPECT_EQ(made->descriptor.upper_size, 256 * kMiB);
    EXPECT_LE(made->allocated_bytes, 4 * kMiB);
    EXPECT_EQ(shares_blocks(made->upper_path()), GetParam().clones);
  }
  EXPECT_EQ(home_->names(), std::set<std::string>{"a"}) << "one replaced the other";
  ASSERT_OK(remove(context(), "a", false, home_->call()));
  EXPECT_TRUE(home_->names().empty());
}

TEST_P(FilesystemTest, SandboxesShareTheDiskOfTheirSnapshot) {
  CreateRequest request;
  request.name = "base";
  CaptureSource box = source();
  box.image_ref = test::kSandboxImage;
  box.image_digest = test::add_sandbox_image(context());
  const auto base = create(context(), box, request, home_->call());
  ASSERT_OK(base);
  const auto made = restore(context(), "base", "fork", {}, home_->call());
  ASSERT_OK(made);
  EXPECT_EQ(made->upper_size, 256 * kMiB);
  EXPECT_LE(made->upper_allocated, 4 * kMiB);
  EXPECT_EQ(shares_blocks(*made->upper_path), GetParam().clones);
  const auto original = hash_path(os::real_fs(), base->upper_path(), Algorithm::merkle, 2, home_->call());
  ASSERT_OK(original);
  EXPECT_EQ(hash_path(os::real_fs(), *made->upper_path, Algorithm::merkle, 2, home_->call())->text(), original->text());
}

TEST_P(FilesystemTest, FullDiskKeepsWhatIsThereAndLetsItGo) {
  if (GetParam().name == std::string("btrfs")) {
    GTEST_SKIP() << "on a full btrfs SQLite dies of SIGBUS: it writes to a mapped file, and there is no block for it";
  }
  ASSERT_OK(capture("a", true));
  (void)source();
  fill();
  // What shares blocks may still find room for its few bytes.
  CreateRequest request;
  request.name = "a";
  request.force = true;
  request.labels = {{"long", std::string(300'000, 'x')}};
  const CaptureSource box{"box", home_->path("filler"), "alpine", "sha256:" + std::string(64, 'b'), std::nullopt};
  const auto replaced = create(context(), box, request, home_->call());
  if (!replaced) {
    EXPECT_EQ(replaced.error().os_code(), ENOSPC) << replaced.error().message();
  }
  EXPECT_TRUE(GetParam().clones || !replaced);
  EXPECT_EQ(home_->names(), std::set<std::string>{"a"});
  const auto kept = open_artifact(os::real_fs(), home_->snapshot("a"));
  ASSERT_OK(kept);
  EXPECT_OK(verify(os::real_fs(), *kept, 1, home_->call()));
  EXPECT_OK(remove(context(), "a", false, home_->call()));
  EXPECT_TRUE(home_->names().empty());
  EXPECT_TRUE(home_->rows().empty());
}

TEST_P(FilesystemTest, ReadOnlyOnesAreReadAndNotWritten) {
  ASSERT_OK(capture("a", true));
  home_->close();
  ASSERT_TRUE(mount_->make_read_only());
  home_->reopen();
  const auto there = list_directory(context(), std::nullopt, home_->call());
  ASSERT_OK(there);
  ASSERT_EQ(there->size(), 1U);
  EXPECT_OK(verify(os::real_fs(), there->front(), 1, home_->call()));
  CreateRequest request;
  request.name = "b";
  const CaptureSource box{"box", home_->path("upper"), "alpine", "sha256:" + std::string(64, 'b'), std::nullopt};
  EXPECT_FALSE(create(context(), box, request, home_->call()));
  EXPECT_FALSE(remove(context(), "a", false, home_->call()));
  EXPECT_EQ(home_->names(), std::set<std::string>{"a"});
}

/// A home that came with the image of a container.
class BakedHomeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!mount_.skip_reason().empty()) GTEST_SKIP() << mount_.skip_reason();
    home_.emplace(mount_.path());
    home_->add("snapshots/base");
    home_->add("snapshots/other");
    ASSERT_OK(reindex(home_->context(), std::nullopt, home_->call()));
    test::add_sandbox(home_->context(), "web");
    test::add_sandbox(home_->context(), "db");
    std::filesystem::create_directory(home_->path("sandboxes/web/logs"));
    home_->close();
    ASSERT_TRUE(mount_.bake());
    home_->reopen();
  }

  test::FilesystemMount mount_{"overlay", 32};
  std::optional<test::SnapshotHome> home_;
};

TEST_F(BakedHomeTest, SnapshotsAreRemoved) {
  EXPECT_OK(remove(home_->context(), "base", false, home_->call()));
  EXPECT_EQ(home_->names(), std::set<std::string>{"other"});
  EXPECT_EQ(home_->rows().size(), 1U);
  EXPECT_TRUE(home_->warnings().empty());
}

TEST_F(BakedHomeTest, SnapshotsAreReplaced) {
  test::write_text(home_->path("disk"), std::string(8192, 'n'));
  const CaptureSource box{"box", home_->path("disk"), "alpine", "sha256:" + std::string(64, 'b'), std::nullopt};
  CreateRequest request;
  request.name = "base";
  EXPECT_STATUS(Status::snapshot_already_exists, create(home_->context(), box, request, home_->call()));
  request.force = true;
  const auto made = create(home_->context(), box, request, home_->call());
  ASSERT_OK(made);
  EXPECT_EQ(test::read_file(made->upper_path()), std::string(8192, 'n'));
  EXPECT_EQ(home_->names(), (std::set<std::string>{"base", "other"}));
  EXPECT_OK(remove(home_->context(), "base", false, home_->call()));
  EXPECT_EQ(home_->names(), std::set<std::string>{"other"});
}

TEST_F(BakedHomeTest, SandboxesAreRemovedAndReplaced) {
  ASSERT_OK(sandbox::recover(home_->context(), home_->call()));
  sandbox::CreateRequest request = test::sandbox_request();
  EXPECT_STATUS(Status::sandbox_already_exists, sandbox::create(home_->context(), "web", request, home_->call()));
  request.replace = true;
  request.labels = {{"new", "yes"}};
  const auto made = sandbox::create(home_->context(), "web", request, home_->call());
  ASSERT_OK(made);
  EXPECT_EQ(made->labels.count("new"), 1U);
  ASSERT_TRUE(made->upper_path);
  EXPECT_FALSE(std::filesystem::exists(home_->path("sandboxes/web/logs"))) << "of the old one";
  EXPECT_OK(sandbox::remove(home_->context(), "db", home_->call()));
  EXPECT_EQ(home_->names("sandboxes"), std::set<std::string>{"web"});
  EXPECT_OK(sandbox::remove(home_->context(), "web", home_->call()));
  EXPECT_TRUE(home_->names("sandboxes").empty());
  EXPECT_EQ(*sandbox::recover(home_->context(), home_->call()), 0U);
  EXPECT_TRUE(home_->warnings().empty()) << home_->warnings().front();
}

TEST_F(BakedHomeTest, RecoverFinishesRemovals) {
  // As a removal that was killed left it: given up, and without its disk.
  ASSERT_OK(os::retire(os::real_fs(), home_->path("snapshots"), "base"));
  std::filesystem::remove(home_->snapshot("base/upper.ext4"));
  EXPECT_STATUS(Status::snapshot_not_found, open_artifact(os::real_fs(), home_->snapshot("base")));
  EXPECT_EQ(*recover(home_->context(), home_->call()), 2U) << "a directory and a row";
  EXPECT_EQ(home_->names(), std::set<std::string>{"other"});
  EXPECT_EQ(home_->rows().size(), 1U);
}

}  // namespace
}  // namespace msb::snapshot
