#include "os/dir.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "support/fault_fs.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::os {
namespace {

using test::TempDir;

TEST(ListDir, SortedWithTypes) {
  const TempDir dir;
  test::write_text(dir / "b", "");
  std::filesystem::create_directory(dir / "a");
  std::filesystem::create_symlink("nowhere", dir / "c");
  test::write_text(dir / ".hidden", "");
  const auto open = open_dir(real_fs(), dir.path());
  ASSERT_OK(open);
  for (int twice = 0; twice < 2; ++twice) {
    const auto entries = list_dir(*open);
    ASSERT_OK(entries);
    EXPECT_EQ(*entries, (std::vector<DirEntry>{{".hidden", DT_REG}, {"a", DT_DIR}, {"b", DT_REG}, {"c", DT_LNK}}));
  }
}

TEST(ListDir, MoreThanOneBuffer) {
  const TempDir dir;
  for (int i = 0; i < 2000; ++i) test::write_text(dir / ("file-with-a-longer-name-" + std::to_string(i)), "");
  const auto open = open_dir(real_fs(), dir.path());
  ASSERT_OK(open);
  const auto entries = list_dir(*open);
  ASSERT_OK(entries);
  EXPECT_EQ(entries->size(), 2000U);
}

TEST(OpenDir, MissingNamesThePath) {
  const TempDir dir;
  const auto open = open_dir(real_fs(), dir / "none");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().os_code(), ENOENT);
  EXPECT_NE(open.error().message().find(dir / "none"), std::string::npos);
}

TEST(MakeDirs, CreatesParentsPrivately) {
  const TempDir dir;
  ASSERT_OK(make_dirs(real_fs(), dir / "a/b/c"));
  struct stat st {};
  for (const char* path : {"a", "a/b", "a/b/c"}) {
    ASSERT_EQ(::stat((dir / path).c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0700U);
  }
  EXPECT_OK(make_dirs(real_fs(), dir / "a/b/c/"));
}

TEST(MakeDirs, SyncsEveryDirectoryThatGotAnEntry) {
  const TempDir dir;
  test::FaultFs fs;
  ASSERT_OK(make_dirs(fs, dir / "a/b"));
  EXPECT_EQ(std::count(fs.trace.begin(), fs.trace.end(), "fsync"), 2);
  fs.trace.clear();
  ASSERT_OK(make_dirs(fs, dir / "a/b"));
  EXPECT_EQ(std::count(fs.trace.begin(), fs.trace.end(), "fsync"), 0);
}

TEST(MakeDirs, FileInTheWay) {
  const TempDir dir;
  test::write_text(dir / "a", "");
  EXPECT_STATUS(Status::io, make_dirs(real_fs(), dir / "a"));
  EXPECT_STATUS(Status::io, make_dirs(real_fs(), dir / "a/b"));
}

TEST(Paths, JoinAndSplit) {
  EXPECT_EQ(join_path("/a", "b"), "/a/b");
  EXPECT_EQ(join_path("/", "b"), "/b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(parent_path("/a/b"), "/a");
  EXPECT_EQ(parent_path("/a//b/"), "/a");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(parent_path("/"), "/");
  EXPECT_EQ(parent_path("a"), ".");
  EXPECT_EQ(base_name("/a/b/"), "b");
  EXPECT_EQ(base_name("a"), "a");
  EXPECT_EQ(base_name("/"), "/");
}

TEST(Paths, ExpandHome) {
  const char* const set = std::getenv("HOME");
  const std::string before = set != nullptr ? set : "";
  ::setenv("HOME", "/somewhere", 1);
  EXPECT_EQ(expand_home("~"), "/somewhere");
  EXPECT_EQ(expand_home("~/x/y"), "/somewhere/x/y");
  EXPECT_EQ(expand_home("~other/x"), "~other/x");
  EXPECT_EQ(expand_home("/a/~"), "/a/~");
  ::unsetenv("HOME");
  EXPECT_EQ(expand_home("~").substr(0, 1), "/");
  if (set != nullptr) ::setenv("HOME", before.c_str(), 1);
}

TEST(Paths, Absolute) {
  EXPECT_EQ(absolute_path("/a/../b").value(), "/a/../b");
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(absolute_path("x/y").value(), here + "/x/y");
  EXPECT_EQ(absolute_path(".").value(), here);
}

TEST(DiskSpace, OfAnExistingPath) {
  const TempDir dir;
  const auto space = disk_space(real_fs(), dir.path());
  ASSERT_OK(space);
  EXPECT_GT(space->total, 0U);
  EXPECT_LE(space->available, space->total);
  EXPECT_STATUS(Status::io, disk_space(real_fs(), dir / "none"));
}

}  // namespace
}  // namespace msb::os
