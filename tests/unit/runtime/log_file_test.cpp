#include "runtime/log_file.h"

#include <gtest/gtest.h>

#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::runtime {
namespace {

TEST(LogFile, KeepsTheFirstBytesAndCountsTheRest) {
  const test::TempDir dir;
  const std::string path = (dir.path() / "log").string();
  auto log = LogFile::create(os::real_fs(), path, 10);
  ASSERT_OK(log);
  log->append(std::string_view("a\0\xff\r", 4));
  log->append("0123456789");
  for (int i = 0; i < 1000; ++i) log->append(std::string(1000, 'x'));
  EXPECT_EQ(test::read_file(path), std::string("a\0\xff\r012345", 10));
  EXPECT_EQ(log->total(), 1'000'014U);
}

TEST(LogFile, ItsTailIsShortAndPrintable) {
  const test::TempDir dir;
  auto log = LogFile::create(os::real_fs(), (dir.path() / "log").string(), 0);
  ASSERT_OK(log);
  log->append(std::string(1000, 'x'));
  log->append("\n\x1b[31m last\xff words \n\n");
  EXPECT_TRUE(log->tail().ends_with("x [31m last words")) << log->tail();
  EXPECT_LE(log->tail().size(), 400U);
}

TEST(LogFile, FollowsNoLink) {
  const test::TempDir dir;
  const std::string path = (dir.path() / "log").string();
  std::filesystem::create_symlink(dir.path() / "elsewhere", path);
  EXPECT_FALSE(LogFile::create(os::real_fs(), path, 10));
}

}  // namespace
}  // namespace msb::runtime
