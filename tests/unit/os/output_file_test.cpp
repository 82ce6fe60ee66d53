// What a caller names for output: replaced when it is a file, written as it is when it is anything else.
#include "os/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "support/fault_fs.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::os {
namespace {

using test::TempDir;

using Names = std::set<std::string>;

Done write_output(const std::string& path, std::string_view text, const Call& call = Call(), Fs& fs = real_fs()) {
  MSB_TRY(const auto output, OutputFile::open(fs, path, {0640, false}, call));
  MSB_CHECK(output->sink().write(as_bytes(text)));
  return output->finish();
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Names names(const std::string& directory) {
  Names found;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) found.insert(entry.path().filename());
  return found;
}

mode_t type_of(const std::string& path) {
  struct stat st {};
  EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
  return st.st_mode & S_IFMT;
}

TEST(OutputFile, AppearsWhenItIsWhole) {
  const TempDir dir;
  const std::string path = dir / "out";
  {
    const Call call;
    const auto output = OutputFile::open(real_fs(), path, {0640, false}, call);
    ASSERT_TRUE(test::is_ok(output));
    ASSERT_TRUE((*output)->sink().write(as_bytes("half")).ok());
    EXPECT_EQ(names(dir.path()), Names{}) << "it has no name before";
  }
  EXPECT_EQ(names(dir.path()), Names{});
  ASSERT_TRUE(test::is_ok(write_output(path, "whole")));
  EXPECT_EQ(content(path), "whole");
  EXPECT_EQ(names(dir.path()), Names{"out"});
}

TEST(OutputFile, ReplacesAFileAtTheEnd) {
  const TempDir dir;
  const std::string path = dir / "out";
  test::write_text(path, "before");
  const Call call;
  const auto output = OutputFile::open(real_fs(), path, {0640, false}, call);
  ASSERT_TRUE(test::is_ok(output));
  ASSERT_TRUE((*output)->sink().write(as_bytes("after")).ok());
  EXPECT_EQ(content(path), "before");
  ASSERT_TRUE(test::is_ok((*output)->finish()));
  EXPECT_EQ(content(path), "after");
  EXPECT_EQ(names(dir.path()), Names{"out"});
}

TEST(OutputFile, MakesHolesOfZerosUpToTheEnd) {
  const TempDir dir;
  const std::string path = dir / "out";
  const Call call;
  const auto output = OutputFile::open(real_fs(), path, {0640, false}, call);
  ASSERT_TRUE(test::is_ok(output));
  ASSERT_TRUE((*output)->sink().write(as_bytes("x")).ok());
  ASSERT_TRUE((*output)->sink().zeros(1 << 20).ok());
  ASSERT_TRUE(test::is_ok((*output)->finish()));
  EXPECT_EQ(content(path), "x" + std::string(1 << 20, '\0'));
  struct stat st {};
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_LT(st.st_blocks * 512, 1 << 20);
}

TEST(OutputFile, GoesWithItsProcess) {
  const TempDir dir;
  const std::string path = dir / "out";
  test::write_text(path, "before");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Call call;
    const auto output = OutputFile::open(real_fs(), path, {0640, false}, call);
    if (!output || !(*output)->sink().write(as_bytes("after")).ok()) ::_exit(1);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(content(path), "before");
  EXPECT_EQ(names(dir.path()), Names{"out"});
}

/// A file system where every file needs a name.
class NamedFs : public Fs {
 public:
  int open(int dir, const char* path, int flags, mode_t mode) override {
    return (flags & O_TMPFILE) == O_TMPFILE ? -EOPNOTSUPP : Fs::open(dir, path, flags, mode);
  }
};

TEST(OutputFile, WhereEveryFileNeedsANameTheNextOneTidies) {
  const TempDir dir;
  const std::string path = dir / "out";
  NamedFs fs;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Call call;
    const auto output = OutputFile::open(fs, path, {0640, false}, call);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(names(dir.path()).size(), 1U) << "this is what the test is about";
  ASSERT_TRUE(test::is_ok(write_output(path, "whole", Call(), fs)));
  EXPECT_EQ(content(path), "whole");
  EXPECT_EQ(names(dir.path()), Names{"out"});
}

TEST(OutputFile, KeepsALinkAndWritesItsTarget) {
  const TempDir dir;
  std::filesystem::create_directory(dir.path() / "below");
  test::write_text(dir / "below/target", "before");
  std::filesystem::create_symlink("below/middle", dir / "link");
  std::filesystem::create_symlink("target", dir / "below/middle");
  ASSERT_TRUE(test::is_ok(write_output(dir / "link", "after")));
  EXPECT_EQ(type_of(dir / "link"), static_cast<mode_t>(S_IFLNK));
  EXPECT_EQ(type_of(dir / "below/middle"), static_cast<mode_t>(S_IFLNK));
  EXPECT_EQ(type_of(dir / "below/target"), static_cast<mode_t>(S_IFREG));
  EXPECT_EQ(content(dir / "below/target"), "after");
  EXPECT_EQ(names(dir / "below"), (Names{"middle", "target"}));
}

TEST(OutputFile, MakesWhatADanglingLinkNames) {
  const TempDir dir;
  std::filesystem::create_symlink("target", dir / "link");
  ASSERT_TRUE(test::is_ok(write_output(dir / "link", "made")));
  EXPECT_EQ(type_of(dir / "link"), static_cast<mode_t>(S_IFLNK));
  EXPECT_EQ(content(dir / "target"), "made");
}

TEST(OutputFile, GivesUpOnARingOfLinks) {
  const TempDir dir;
  std::filesystem::create_symlink("b", dir / "a");
  std::filesystem::create_symlink("a", dir / "b");
  const auto done = write_output(dir / "a", "text");
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().os_code(), ELOOP);
  EXPECT_EQ(names(dir.path()), (Names{"a", "b"}));
}

TEST(OutputFile, FollowsNoStrangersLinkInASharedDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempDir dir;
  ASSERT_EQ(::chmod(dir.path().c_str(), 01777), 0);
  test::write_text(dir / "target", "before");
  std::filesystem::create_symlink("target", dir / "link");
  ASSERT_EQ(::lchown((dir / "link").c_str(), 12345, 12345), 0);
  const auto done = write_output(dir / "link", "after");
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().os_code(), EACCES);
  EXPECT_EQ(content(dir / "target"), "before");
}

TEST(OutputFile, RefusesADirectory) {
  const TempDir dir;
  std::filesystem::create_symlink(".", dir / "link");
  for (const std::string& path : {dir.path().string(), dir / "link"}) {
    const auto done = write_output(path, "text");
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().os_code(), EISDIR);
  }
  EXPECT_EQ(names(dir.path()), Names{"link"});
}

TEST(OutputFile, ReplacesNothingButAFileAtTheEnd) {
  const TempDir dir;
  const std::string path = dir / "out";
  const Call call;
  const auto output = OutputFile::open(real_fs(), path, {0640, false}, call);
  ASSERT_TRUE(test::is_ok(output));
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);  // meanwhile
  ASSERT_TRUE((*output)->sink().write(as_bytes("text")).ok());
  const auto done = (*output)->finish();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().os_code(), EEXIST);
  EXPECT_EQ(type_of(path), static_cast<mode_t>(S_IFIFO));
  EXPECT_EQ(names(dir.path()), Names{"out"});
}

TEST(OutputFile, WritesIntoAFifoOnceItHasAReader) {
  const TempDir dir;
  const std::string path = dir / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const std::string sent(1 << 20, 'x');
  std::string received;
  std::thread reader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    received = content(path);
  });
  const auto done = write_output(path, sent);
  reader.join();
  ASSERT_TRUE(test::is_ok(done));
  EXPECT_TRUE(received == sent);
  EXPECT_EQ(type_of(path), static_cast<mode_t>(S_IFIFO));
}

TEST(OutputFile, WaitingForTheReaderOfAFifoEndsWithTheCall) {
  const TempDir dir;
  const std::string path = dir / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const Call call(nullptr, Call::Clock::now() + std::chrono::milliseconds(50), nullptr, {});
  EXPECT_TRUE(test::fails_with(write_output(path, "text", call), Status::deadline_exceeded));
}

TEST(OutputFile, WritesIntoDevices) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempDir dir("/tmp");
  const std::string null = dir / "null";
  const std::string full = dir / "full";
  if (::mknod(null.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0 || ::access(null.c_str(), W_OK) != 0 ||
      std::ofstream(null).fail()) {
    GTEST_SKIP() << "devices cannot be made or used in " << dir.path();
  }
  ASSERT_EQ(::mknod(full.c_str(), S_IFCHR | 0600, makedev(1, 7)), 0);
  std::filesystem::create_symlink("null", dir / "link");
  EXPECT_TRUE(test::is_ok(write_output(null, "text")));
  EXPECT_TRUE(test::is_ok(write_output(dir / "link", "text")));
  const auto done = write_output(full, "text");
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().os_code(), ENOSPC);
  for (const std::string& device : {null, full}) EXPECT_EQ(type_of(device), static_cast<mode_t>(S_IFCHR));
  EXPECT_EQ(names(dir.path()), (Names{"full", "link", "null"}));
}

TEST(OutputFile, WritesIntoABlockDevice) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempDir dir("/tmp");
  const std::string disk = dir / "disk";
  test::write_text(disk, std::string(1 << 20, 'd'));
  const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) GTEST_SKIP() << "no loop devices";
  const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
  ::close(control);
  const std::string device = dir / "device";
  const int backing = ::open(disk.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::mknod(device.c_str(), S_IFBLK | 0600, makedev(7, static_cast<unsigned>(number))), 0);
  const int loop = ::open(device.c_str(), O_RDWR | O_CLOEXEC);
  if (loop < 0 || ::ioctl(loop, LOOP_SET_FD, backing) != 0) GTEST_SKIP() << "no loop device can be used";
  const auto done = write_output(device, "text");
  ::ioctl(loop, LOOP_CLR_FD);
  ::close(loop);
  ::close(backing);
  EXPECT_TRUE(test::is_ok(done));
  EXPECT_EQ(type_of(device), static_cast<mode_t>(S_IFBLK));
  EXPECT_EQ(content(disk), "text" + std::string((1 << 20) - 4, 'd'));
}

TEST(OutputFile, WritesIntoAFileThatIsAMountPoint) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempDir dir;
  test::write_text(dir / "outside", "what was there before");
  test::write_text(dir / "inside", "");
  if (::mount((dir / "outside").c_str(), (dir / "inside").c_str(), nullptr, MS_BIND, nullptr) != 0) {
    GTEST_SKIP() << "cannot mount";
  }
  const auto done = write_output(dir / "inside", "text");
  ::umount2((dir / "inside").c_str(), MNT_DETACH);
  EXPECT_TRUE(test::is_ok(done));
  EXPECT_EQ(content(dir / "outside"), "text");
}

TEST(OutputFile, AnOwnDescriptorIsWrittenFromWhereItStands) {
  const TempDir dir;
  const int fd = ::open((dir / "log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::write(fd, "before ", 7), 7);
  for (const char* form : {"/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/"}) {
    EXPECT_TRUE(test::is_ok(write_output(form + std::to_string(fd), "text ")));
  }
  std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(fd), dir / "stdout");
  EXPECT_TRUE(test::is_ok(write_output(dir / "stdout", "end")));
  ::close(fd);
  EXPECT_EQ(content(dir / "log"), "before text text text end");
  EXPECT_EQ(names(dir.path()), (Names{"log", "stdout"}));
}

TEST(OutputFile, APipeCanBeNamedByItsDescriptor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_TRUE(test::is_ok(write_output("/proc/self/fd/" + std::to_string(ends[1]), "text")));
  ::close(ends[1]);
  char buffer[8];
  EXPECT_EQ(::read(ends[0], buffer, sizeof buffer), 4);
  ::close(ends[0]);
}

TEST(OutputFile, LeavesAWholeFileOrTheOldOneWhereverItFails) {
  for (const bool there : {false, true}) {
    bool reached = true;
    for (unsigned at = 1; reached && !testing::Test::HasFailure(); ++at) {
      SCOPED_TRACE("operation " + std::to_string(at));
      const TempDir dir;
      const std::string path = dir / "out";
      if (there) test::write_text(path, "before");
      test::FaultFs fs(test::Fault::fail, at);
      const auto done = write_output(path, "after", Call(), fs);
      reached = fs.reached();
      EXPECT_TRUE(reached || done.ok());
      const std::string now = content(path);
      EXPECT_TRUE(now == "after" || (!done.ok() && now == (there ? "before" : ""))) << now;
      ASSERT_TRUE(test::is_ok(write_output(path, "again")));
      EXPECT_EQ(names(dir.path()), Names{"out"});
    }
  }
}

}  // namespace
}  // namespace msb::os
