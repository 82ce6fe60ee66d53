#include "os/remove.h"

#include <unistd.h>

#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "os/dir.h"
#include "support/fault_fs.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::os {
namespace {

using test::TempDir;

File opened(Fs& fs, const TempDir& dir) { return std::move(open_dir(fs, dir.path())).value(); }

void grow_tree(const std::filesystem::path& root) {
  std::filesystem::create_directories(root / "a/b/c");
  std::filesystem::create_directories(root / "empty");
  for (const char* name : {"x", "a/x", "a/b/x", "a/b/c/x", "a/z"}) test::write_text(root / name, name);
}

TEST(RemoveTree, EverythingBelow) {
  const TempDir dir;
  grow_tree(dir / "tree");
  test::write_text(dir / "kept", "");
  EXPECT_OK(remove_tree(opened(real_fs(), dir), "tree", Call()));
  EXPECT_FALSE(std::filesystem::exists(dir / "tree"));
  EXPECT_TRUE(std::filesystem::exists(dir / "kept"));
}

TEST(RemoveTree, FilesLinksAndWhatIsMissing) {
  const TempDir dir;
  test::write_text(dir / "file", "");
  EXPECT_OK(remove_tree(opened(real_fs(), dir), "file", Call()));
  EXPECT_FALSE(std::filesystem::exists(dir / "file"));
  EXPECT_OK(remove_tree(opened(real_fs(), dir), "file", Call()));
}

TEST(RemoveTree, DoesNotFollowSymlinks) {
  const TempDir dir;
  grow_tree(dir / "precious");
  std::filesystem::create_directory(dir / "tree");
  std::filesystem::create_directory_symlink(dir / "precious", dir / "tree/link");
  std::filesystem::create_directory_symlink(dir / "precious", dir / "link");
  EXPECT_OK(remove_tree(opened(real_fs(), dir), "tree", Call()));
  EXPECT_OK(remove_tree(opened(real_fs(), dir), "link", Call()));
  EXPECT_EQ(test::read_file(dir / "precious/a/b/c/x"), "a/b/c/x");
}

TEST(RemoveTree, RefusesNamesThatAreNotEntries) {
  const TempDir dir;
  for (const char* name : {"", ".", "..", "a/b"}) {
    EXPECT_STATUS(Status::invalid_argument, remove_tree(opened(real_fs(), dir), name, Call()));
  }
}

TEST(RemoveTree, DeepTreeWithFewDescriptors) {
  const TempDir dir;
  // Far deeper than PATH_MAX allows a path to be.
  constexpr int kDepth = 3000;
  int at = ::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(::mkdirat(at, "deep", 0700), 0);
    const int next = ::openat(at, "deep", O_RDONLY | O_DIRECTORY);
    ::close(at);
    at = next;
  }
  ::close(at);
  struct rlimit before {};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const struct rlimit few { 32, before.rlim_max };
  ::setrlimit(RLIMIT_NOFILE, &few);
  EXPECT_OK(remove_tree(opened(real_fs(), dir), "deep", Call()));
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(std::filesystem::exists(dir / "deep"));
}

TEST(RemoveTree, ManyEntriesAndSubdirectories) {
  const TempDir dir;
  for (int i = 0; i < 300; ++i) {
    std::filesystem::create_directories(dir / ("tree/directory-" + std::to_string(i) + "/sub"));
    for (int k = 0; k < 5; ++k) test::write_text(dir / ("tree/file-" + std::to_string(i * 5 + k)), "");
  }
  EXPECT_OK(remove_tree(opened(real_fs(), dir), "tree", Call()));
  EXPECT_FALSE(std::filesystem::exists(dir / "tree"));
}

TEST(RemoveTree, OpensUpDirectoriesThatForbidIt) {
  const TempDir dir;
  grow_tree(dir / "tree");
  ASSERT_EQ(::chmod((dir / "tree/a/b").c_str(), 0), 0);
  ASSERT_EQ(::chmod((dir / "tree/a").c_str(), 0500), 0);
  ASSERT_EQ(::chmod((dir / "tree").c_str(), 0300), 0);
  // As root no mode forbids anything, so the removal runs as somebody else.
  if (::geteuid() == 0) {
    ASSERT_EQ(std::system(("chown -R 65534:65534 '" + dir.path().string() + "'").c_str()), 0);
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const Done done = remove_tree(opened(real_fs(), dir), "tree", Call());
  if (::getuid() == 0) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_OK(done);
  EXPECT_FALSE(std::filesystem::exists(dir / "tree"));
}

TEST(RemoveTree, DoesNotEnterAnotherFilesystem) {
  const TempDir dir;
  std::filesystem::create_directories(dir / "tree/mounted");
  if (::mount("tmpfs", (dir / "tree/mounted").c_str(), "tmpfs", 0, nullptr) != 0) {
    GTEST_SKIP() << "mounting a tmpfs needs root";
  }
  test::write_text(dir / "tree/mounted/precious", "1");
  const Done done = remove_tree(opened(real_fs(), dir), "tree", Call());
  EXPECT_EQ(test::read_file(dir / "tree/mounted/precious"), "1");
  ::umount((dir / "tree/mounted").c_str());
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message().find("tree/mounted"), std::string::npos) << done.error().message();
}

TEST(RemoveTree, TwoAtOnceBothSucceed) {
  for (int round = 0; round < 10; ++round) {
    const TempDir dir;
    for (int i = 0; i < 20; ++i) grow_tree(dir / ("tree/" + std::to_string(i)));
    Done one;
    std::thread other([&] { one = remove_tree(opened(real_fs(), dir), "tree", Call()); });
    const Done two = remove_tree(opened(real_fs(), dir), "tree", Call());
    other.join();
    EXPECT_OK(one);
    EXPECT_OK(two);
    EXPECT_FALSE(std::filesystem::exists(dir / "tree"));
  }
}

TEST(RemoveTree, StopsWhenAsked) {
  const TempDir dir;
  grow_tree(dir / "tree");
  CancelToken token;
  token.trigger();
  const Call call(&token, Call::Clock::time_point::max(), nullptr, std::chrono::milliseconds(0));
  EXPECT_STATUS(Status::cancelled, remove_tree(opened(real_fs(), dir), "tree", call));
  EXPECT_TRUE(std::filesystem::exists(dir / "tree/a/b/c/x"));
}

TEST(RemoveTree, AfterAnyFailureASecondTryFinishes) {
  for (unsigned n = 1;; ++n) {
    const TempDir dir;
    grow_tree(dir / "tree");
    test::FaultFs fs(test::Fault::fail, n);
    const auto root = open_dir(fs, dir.path());
    const Done first = root ? remove_tree(*root, "tree", Call()) : Done(Error(Status::io, "open"));
    EXPECT_FALSE(first.ok() && std::filesystem::exists(dir / "tree")) << "after operation " << n;
    EXPECT_OK(remove_tree(opened(real_fs(), dir), "tree", Call()));
    EXPECT_FALSE(std::filesystem::exists(dir / "tree"));
    if (!fs.reached()) break;
  }
}

}  // namespace
}  // namespace msb::os
