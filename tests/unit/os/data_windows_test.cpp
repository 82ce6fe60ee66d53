#include "os/data_windows.h"

#include <gtest/gtest.h>

#include "support/fault_fs.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::os {
namespace {

using test::FaultFs;
using test::TempDir;

constexpr uint64_t kMiB = uint64_t{1} << 20;

File make(const std::string& path, uint64_t size, const std::vector<Extent>& data) {
  auto file = File::open(real_fs(), AT_FDCWD, path, O_RDWR | O_CREAT);
  EXPECT_OK(file);
  EXPECT_OK(file->truncate(size));
  for (const Extent& extent : data) {
    EXPECT_OK(file->write_at(as_bytes(std::string(static_cast<size_t>(extent.length), 'x')), extent.offset));
  }
  return *std::move(file);
}

std::vector<Window> windows_of(const File& file, uint64_t size) {
  DataWindows windows(file, size);
  std::vector<Window> all;
  for (Window window;;) {
    const auto more = windows.next(window);
    EXPECT_OK(more);
    if (!more || !*more) return all;
    all.push_back(window);
  }
}

TEST(DataWindows, DataIsCutAtWindowsAndHolesAreLeftOut) {
  const TempDir dir;
  const uint64_t size = 30 * kMiB;
  const File file = make(dir / "disk", size, {{kMiB, 65536}, {2 * kMiB, 65536}, {11 * kMiB, 10 * kMiB}});
  if (*data_bytes(file, Call()) == size) GTEST_SKIP() << "this filesystem does not tell holes";
  const auto windows = windows_of(file, size);
  ASSERT_EQ(windows.size(), 5U);
  EXPECT_EQ(windows[0].data, (std::vector<Extent>{{kMiB, 65536}, {2 * kMiB, 65536}}));
  EXPECT_EQ(windows[0].data_bytes(), 2 * 65536U);
  EXPECT_EQ(windows[1].offset, 8 * kMiB);
  EXPECT_EQ(windows[1].data, (std::vector<Extent>{{11 * kMiB, kMiB}}));
  EXPECT_EQ(windows[2].data, (std::vector<Extent>{{12 * kMiB, 4 * kMiB}}));
  EXPECT_EQ(windows[4].data, (std::vector<Extent>{{20 * kMiB, kMiB}}));
  for (size_t i = 0; i < windows.size(); ++i) EXPECT_EQ(windows[i].sequence, i);
}

TEST(DataWindows, NothingFromTheSizeOn) {
  const TempDir dir;
  const File file = make(dir / "disk", 9 * kMiB, {{0, 9 * kMiB}});
  const auto windows = windows_of(file, 5 * kMiB - 1);
  ASSERT_EQ(windows.size(), 2U);
  EXPECT_EQ(windows[1].data, (std::vector<Extent>{{4 * kMiB, kMiB - 1}}));
  EXPECT_TRUE(windows_of(file, 0).empty());
}

TEST(DataWindows, OneThreadForEachWindowAtMost) {
  EXPECT_EQ(window_crew(0, 8), 1U);
  EXPECT_EQ(window_crew(kWindowBytes + 1, 8), 2U);
  EXPECT_EQ(window_crew(100 * kWindowBytes, 8), 8U);
  EXPECT_EQ(window_crew(100 * kWindowBytes, 0), 1U);
}

TEST(WindowWriter, WritesDataOnlyAndStartsItsWayToTheDisk) {
  const TempDir dir;
  FaultFs fs;
  const auto to = File::open(fs, AT_FDCWD, dir / "copy", O_RDWR | O_CREAT);
  ASSERT_OK(to);
  const Window window{0, 0, {{2, 3}, {8, 100}}};
  WindowWriter writer(*to);
  ASSERT_OK(writer.write(window, as_bytes("0123456789"), 0));
  const std::string written = test::read_file(dir / "copy");
  EXPECT_EQ(written, std::string("\0\0"
                                 "234"
                                 "\0\0\0"
                                 "89",
                                 10));
  const unsigned before = fs.count();
  writer.finish(window);
  EXPECT_EQ(fs.count(), before + 1);
}

}  // namespace
}  // namespace msb::os
