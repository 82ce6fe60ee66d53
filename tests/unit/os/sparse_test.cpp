#include "os/sparse.h"

#include <unistd.h>

#include <vector>

#include <gtest/gtest.h>

#include "support/fault_fs.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::os {
namespace {

using test::Fault;
using test::FaultFs;
using test::TempDir;

constexpr uint64_t kMiB = uint64_t{1} << 20;

/// A file of 5 MiB and 3 bytes: data at 1 MiB (64 KiB) and at 4 MiB (200 000 bytes), holes around them.
void make_sparse(const std::string& path) {
  const auto file = File::open(real_fs(), AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC);
  ASSERT_OK(file);
  ASSERT_OK(file->truncate(5 * kMiB + 3));
  ASSERT_OK(file->write_at(as_bytes(std::string(64 << 10, 'a')), kMiB));
  ASSERT_OK(file->write_at(as_bytes(std::string(200'000, 'b')), 4 * kMiB));
}

std::vector<Extent> extents_of(Fs& fs, const std::string& path) {
  std::vector<Extent> found;
  const auto file = File::open_regular(fs, AT_FDCWD, path);
  EXPECT_OK(file);
  DataExtents walk(*file);
  for (;;) {
    const auto extent = walk.next();
    EXPECT_OK(extent);
    if (!extent || !*extent) return found;
    found.push_back(**extent);
  }
}

Result<Copied> copy(Fs& fs, const std::string& from_path, const std::string& to_path, const Call& call = {}) {
  MSB_TRY(const File from, File::open_regular(fs, AT_FDCWD, from_path));
  MSB_TRY(const File to, File::open(fs, AT_FDCWD, to_path, O_RDWR | O_CREAT));
  return copy_sparse(from, to, 2, call);
}

TEST(DataExtents, DataBetweenHoles) {
  const TempDir dir;
  make_sparse(dir / "disk");
  const auto extents = extents_of(real_fs(), dir / "disk");
  if (extents.size() == 1 && extents[0].length == 5 * kMiB + 3) GTEST_SKIP() << "this filesystem does not tell holes";
  EXPECT_EQ(extents, (std::vector<Extent>{{kMiB, 64 << 10}, {4 * kMiB, 200'704}}));  // whole blocks
}

TEST(DataExtents, NoHolesAllHolesAndEmpty) {
  const TempDir dir;
  test::write_text(dir / "full", "12345");
  EXPECT_EQ(extents_of(real_fs(), dir / "full"), (std::vector<Extent>{{0, 5}}));
  test::write_text(dir / "hole", "");
  ASSERT_EQ(::truncate((dir / "hole").c_str(), 1 << 20), 0);
  EXPECT_TRUE(extents_of(real_fs(), dir / "hole").empty());
  test::write_text(dir / "empty", "");
  EXPECT_TRUE(extents_of(real_fs(), dir / "empty").empty());
}

TEST(DataExtents, ZerosAreHolesWhereTheFilesystemCannotTell) {
  const TempDir dir;
  make_sparse(dir / "disk");
  FaultFs fs;
  fs.has_seek_data = false;
  EXPECT_EQ(extents_of(fs, dir / "disk"), (std::vector<Extent>{{kMiB, 64 << 10}, {4 * kMiB, 200'704}}));
  test::write_text(dir / "full", "12345");
  EXPECT_EQ(extents_of(fs, dir / "full"), (std::vector<Extent>{{0, 5}}));
  test::write_text(dir / "zeros", std::string(9 * kMiB, '\0'));
  EXPECT_TRUE(extents_of(fs, dir / "zeros").empty());
  test::write_text(dir / "large", std::string(9 * kMiB + 1, 'a'));
  EXPECT_EQ(extents_of(fs, dir / "large"), (std::vector<Extent>{{0, 9 * kMiB + 1}}));
}

/// Cannot tell data from holes from one question on.
class ForgetfulFs final : public Fs {
 public:
  ForgetfulFs(unsigned from, int errnum) : from_(from), errnum_(errnum) {}
  int clone(int, int) override { return -EOPNOTSUPP; }
  int64_t seek(int fd, uint64_t offset, int whence) override {
    if (whence != SEEK_DATA && whence != SEEK_HOLE) return Fs::seek(fd, offset, whence);
    return ++asked_ >= from_ ? -errnum_ : Fs::seek(fd, offset, whence);
  }
  bool forgot() const { return asked_ >= from_; }

 private:
  const unsigned from_;
  const int errnum_;
  unsigned asked_ = 0;
};

TEST(CopySparseFile, NothingIsLostWhenTheFilesystemCanTellNoLonger) {
  for (const int errnum : {EINVAL, EOPNOTSUPP}) {
    for (unsigned from = 1; from < 100; ++from) {
      SCOPED_TRACE("errno " + std::to_string(errnum) + " from question " + std::to_string(from));
      const TempDir dir;
      make_sparse(dir / "from");
      ForgetfulFs fs(from, errnum);
      const auto copied = copy(fs, dir / "from", dir / "to");
      ASSERT_OK(copied);
      ASSERT_TRUE(test::read_file(dir / "from") == test::read_file(dir / "to"));
      EXPECT_EQ(extents_of(real_fs(), dir / "from"), extents_of(real_fs(), dir / "to"));
      if (!fs.forgot()) break;
    }
  }
}

struct Abilities {
  bool clone;
  bool seek_data;
};
class CopySparse : public testing::TestWithParam<Abilities> {};
INSTANTIATE_TEST_SUITE_P(Abilities, CopySparse,
                         testing::Values(Abilities{true, true}, Abilities{false, true}, Abilities{false, false}));

TEST_P(CopySparse, SameContentOverAnythingThatWasThere) {
  const TempDir dir;
  make_sparse(dir / "from");
  test::write_text(dir / "to", std::string(6 * kMiB, 'x'));
  FaultFs fs;
  fs.has_clone = GetParam().clone;
  fs.has_seek_data = GetParam().seek_data;
  const auto copied = copy(fs, dir / "from", dir / "to");
  ASSERT_OK(copied);
  EXPECT_TRUE(test::read_file(dir / "from") == test::read_file(dir / "to"));
  if (copied->method == CopyMethod::copy) {
    EXPECT_EQ(extents_of(real_fs(), dir / "from"), extents_of(real_fs(), dir / "to"));
  }
}

TEST(CopySparseFile, ReportsBytesOfData) {
  const TempDir dir;
  make_sparse(dir / "from");
  std::vector<Progress> seen;
  const Call call(
      nullptr, Call::Clock::time_point::max(), [&](const Progress& p) { seen.push_back(p); },
      std::chrono::milliseconds(0));
  FaultFs fs;
  fs.has_clone = false;
  const auto copied = copy(fs, dir / "from", dir / "to", call);
  ASSERT_OK(copied);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().phase, Phase::copying);
  EXPECT_TRUE(seen.back().total_known);
  EXPECT_EQ(seen.back().done, copied->bytes);
  EXPECT_EQ(seen.back().total, copied->bytes);
}

/// Touches the source when data is about to be copied.
class MeddlingFs final : public Fs {
 public:
  explicit MeddlingFs(std::string path) : path_(std::move(path)) {}
  int clone(int, int) override { return -EOPNOTSUPP; }
  ssize_t pwrite(int fd, Bytes bytes, uint64_t offset) override {
    const auto file = File::open(real_fs(), AT_FDCWD, path_, O_RDWR);
    EXPECT_OK(file->write_at(as_bytes("z"), kMiB));
    // Far from the coarse clock of file times, so that one tick cannot hide the change.
    const struct timespec times[2] = {{1, 0}, {1, 0}};
    EXPECT_EQ(::futimens(file->fd(), times), 0);
    return Fs::pwrite(fd, bytes, offset);
  }

 private:
  std::string path_;
};

TEST(CopySparseFile, FailsWhenTheSourceChanges) {
  const TempDir dir;
  make_sparse(dir / "from");
  MeddlingFs fs(dir / "from");
  const auto copied = copy(fs, dir / "from", dir / "to");
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().status(), Status::io);
  EXPECT_NE(copied.error().message().find(dir / "from"), std::string::npos);
}

TEST(CopySparseFile, Cancel) {
  const TempDir dir;
  make_sparse(dir / "from");
  CancelToken token;
  token.trigger();
  const Call call(&token, Call::Clock::time_point::max(), nullptr, std::chrono::milliseconds(0));
  EXPECT_STATUS(Status::cancelled, copy(real_fs(), dir / "from", dir / "to", call));
}

TEST(CopySparseFile, FaultAtAnyOperationIsReportedOrHarmless) {
  for (const Fault fault : {Fault::fail, Fault::no_space, Fault::short_io, Fault::crash}) {
    for (unsigned n = 1; n < 500; ++n) {
      const TempDir dir;
      make_sparse(dir / "from");
      FaultFs fs(fault, n);
      fs.has_clone = n % 2 == 0;
      const auto copied = copy(fs, dir / "from", dir / "to");
      if (copied) {
        EXPECT_TRUE(test::read_file(dir / "from") == test::read_file(dir / "to")) << "fault at operation " << n;
      } else {
        EXPECT_EQ(copied.error().status(), Status::io);
      }
      if (!fs.reached()) {
        EXPECT_OK(copied);
        break;
      }
    }
  }
}

}  // namespace
}  // namespace msb::os
