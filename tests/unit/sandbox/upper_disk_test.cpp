#include "sandbox/upper_disk.h"

#include <fcntl.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "digest/sha256.h"
#include "os/sparse.h"
#include "support/fault_fs.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::sandbox {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

/// The UUID of the golden disk.
Uuid golden_uuid() {
  const std::string bytes = *from_hex("94ac422c89dc4c921856c89245103a47");
  Uuid uuid{};
  std::memcpy(uuid.data(), bytes.data(), uuid.size());
  return uuid;
}

os::File new_file(const test::TempDir& dir, os::Fs& fs = os::real_fs()) {
  auto file = os::File::open(fs, AT_FDCWD, dir / "upper.ext4", O_RDWR | O_CREAT | O_EXCL);
  EXPECT_OK(file);
  return *std::move(file);
}

/// SHA-256 over every block that is not all zeros: its number, 64 bits, and its bytes.
std::string digest_of_blocks(const os::File& file) {
  Sha256 hash;
  os::DataExtents extents(file);
  for (;;) {
    const auto extent = extents.next();
    EXPECT_OK(extent);
    if (!extent || !*extent) return hash.digest().text();
    for (uint64_t at = (*extent)->offset; at < (*extent)->offset + (*extent)->length; at += 4096) {
      std::array<std::byte, sizeof(uint64_t) + 4096> block{};
      store_le(block, 0, at / 4096);
      const MutableBytes bytes = MutableBytes(block).subspan(sizeof(uint64_t));
      EXPECT_OK(file.read_exactly_at(bytes, at));
      if (!is_zero(bytes)) hash.update(block);
    }
  }
}

TEST(UpperDisk, IsByteForByteWhatMicrosandboxMakes) {
  const test::TempDir dir;
  const os::File file = new_file(dir);
  ASSERT_OK(format_upper(file, 4096 * kMiB, golden_uuid(), Call()));
  // Of the disk that 0.6.14 made (fixture upper-4g, whose SHA-256 begins with 2455c18bac77).
  EXPECT_EQ(digest_of_blocks(file), "sha256:5825887738adf441b9fd204816f242b66a092e8bcbe2f58f361b70eaf3b8710e");
  const auto st = file.status();
  ASSERT_OK(st);
  EXPECT_EQ(st->st_size, 4096 * static_cast<off_t>(kMiB));
  EXPECT_LT(os::allocated_bytes(*st), 2 * kMiB);
}

TEST(UpperDisk, IsCleanToE2fsckAtAnySize) {
  if (std::system("e2fsck -V >/dev/null 2>&1") != 0) GTEST_SKIP() << "e2fsck is not installed";
  for (const uint64_t size :
       {68 * kMiB, 80 * kMiB, 128 * kMiB, 140 * kMiB, 256 * kMiB, 1000 * kMiB + 4096, uint64_t{100} << 30}) {
    const test::TempDir dir;
    ASSERT_OK(format_upper(new_file(dir), size, random_upper_uuid(), Call()));
    EXPECT_EQ(std::system(("e2fsck -fn " + dir / "upper.ext4" + " >/dev/null 2>&1").c_str()), 0) << size;
  }
}

TEST(UpperDisk, IsMountedByTheKernel) {
  const test::TempDir dir;
  const std::string disk = dir / "upper.ext4";
  const std::string at = dir / "mount";
  std::filesystem::create_directory(at);
  ASSERT_OK(format_upper(new_file(dir), 80 * kMiB, random_upper_uuid(), Call()));
  if (std::system(("mount -o loop " + disk + " " + at + " 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "needs to mount an ext4 file system";
  }
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(at)) names.insert(entry.path().filename());
  EXPECT_EQ(names, (std::set<std::string>{"upper", "work"}));
  test::write_text(at + "/upper/file", std::string(1 << 20, 'x'));
  EXPECT_EQ(std::filesystem::file_size(at + "/upper/file"), uintmax_t{1} << 20);
  ASSERT_EQ(std::system(("umount " + at).c_str()), 0);
  EXPECT_EQ(std::system(("e2fsck -fn " + disk + " >/dev/null 2>&1").c_str()), 0);
}

TEST(UpperDisk, RefusesSizesThatItCannotHave) {
  for (const uint64_t size : {uint64_t{0}, 64 * kMiB, 100 * kMiB + 1, 100 * kMiB + 512, uint64_t{1} << 44}) {
    EXPECT_STATUS(Status::invalid_argument, check_upper_size(size)) << size;
  }
  EXPECT_OK(check_upper_size(kDefaultUpperSize));
  const test::TempDir dir;
  // One block more than a whole group.
  EXPECT_STATUS(Status::invalid_argument, format_upper(new_file(dir), 128 * kMiB + 4096, golden_uuid(), Call()));
}

TEST(UpperDisk, SaysWhichOperationFailed) {
  for (unsigned at = 1;; ++at) {
    const test::TempDir dir;
    test::FaultFs fs(test::Fault::fail, at + 1);  // the first one opens the file
    const os::File file = new_file(dir, fs);
    const Done made = format_upper(file, 300 * kMiB, golden_uuid(), Call());
    if (!fs.reached()) break;
    ASSERT_STATUS(Status::io, made) << at;
    EXPECT_EQ(made.error().os_code(), EIO) << at;
  }
}

TEST(UpperDisk, StopsWithItsCall) {
  const test::TempDir dir;
  CancelToken cancel;
  cancel.trigger();
  const Call call(&cancel, Call::Clock::time_point::max(), {}, {});
  EXPECT_STATUS(Status::cancelled, format_upper(new_file(dir), 80 * kMiB, golden_uuid(), call));
}

}  // namespace
}  // namespace msb::sandbox
