// What programs that we start find, and what lands on the standard descriptors of ours.
#include "os/spawn.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "os/command.h"
#include "os/fd.h"
#include "os/file.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::os {
namespace {

using test::TempDir;

/// What a shell says that is started so.
std::string said_by(const std::string& script) {
  const auto result = run_command({"sh", "-c", script}, "", {}, Call());
  EXPECT_TRUE(test::is_ok(result));
  return result ? result->output : std::string();
}

/// In a child, so that this process stays as it is: the exit code of `work`.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Spawn, CommandsFindNoDescriptorOfOurs) {
  const TempDir dir;
  const int low = ::open((dir / "lock").c_str(), O_RDWR | O_CREAT, 0600);  // as a shell opens it
  const int leak = ::fcntl(low, F_DUPFD, 100);
  ASSERT_GE(leak, 100);
  ::close(low);
  EXPECT_EQ(said_by("ls /proc/$$/fd/" + std::to_string(leak) +
                    " 2>/dev/null; for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] && echo $fd; done"),
            "0\n1\n2\n");
  ::close(leak);
}

TEST(Spawn, CommandsWorkInTheRootDirectory) { EXPECT_EQ(said_by("pwd; readlink /proc/$$/cwd"), "/\n/\n"); }

TEST(Spawn, CommandsHaveTheVariablesOfTheUser) {
  ::setenv("MSB_TEST_VARIABLE", "kept", 1);
  EXPECT_EQ(said_by("echo $MSB_TEST_VARIABLE"), "kept\n");
  ::unsetenv("MSB_TEST_VARIABLE");
}

TEST(Spawn, BasicVariablesHaveNoSecrets) {
  ::setenv("MSB_TEST_SECRET", "secret", 1);
  ::setenv("LC_TIME", "C", 1);
  ::setenv("TMPDIRX", "no", 1);
  bool path = false;
  bool locale = false;
  for (const std::string& variable : basic_environment()) {
    EXPECT_FALSE(variable.starts_with("MSB_TEST_SECRET=") || variable.starts_with("TMPDIRX=")) << variable;
    path = path || variable.starts_with("PATH=");
    locale = locale || variable == "LC_TIME=C";
  }
  EXPECT_TRUE(path && locale);
  for (const char* name : {"MSB_TEST_SECRET", "LC_TIME", "TMPDIRX"}) ::unsetenv(name);
}

TEST(Spawn, WhatWasIgnoredToEndStaysIgnoredAndNothingElse) {
  EXPECT_EQ(in_child([] {
              for (const int ending : {SIGINT, SIGQUIT, SIGTERM}) ::signal(ending, SIG_DFL);
              ::signal(SIGHUP, SIG_IGN);
              ::signal(SIGPIPE, SIG_IGN);
              const std::string said = said_by("grep SigIgn /proc/$$/status");  // "SigIgn:", a tab and 64 bits
              constexpr unsigned long kStandard = 0x7fffffff;  // the C library ignores two of the others
              const unsigned long ignored = std::stoul(said.substr(said.find('\t') + 1), nullptr, 16) & kStandard;
              return ignored == 1UL << (SIGHUP - 1) ? 0 : 1;
            }),
            0);
}

TEST(StandardDescriptors, NoFileLandsOnThem) {
  const TempDir dir;
  EXPECT_EQ(in_child([&] {
              for (const int fd : {0, 1, 2}) ::close(fd);
              const auto file = File::open(real_fs(), AT_FDCWD, dir / "file", O_RDWR | O_CREAT);
              if (!file || file->fd() < 3) return 1;
              const auto copy = File::duplicate(real_fs(), file->fd(), "copy");
              if (!copy || copy->fd() < 3) return 2;
              for (const int fd : {0, 1, 2}) {
                if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) return 3;
              }
              return 0;
            }),
            0);
}

TEST(StandardDescriptors, CommandsCanBeAskedWithoutThem) {
  EXPECT_EQ(in_child([] {
              for (const int fd : {0, 1, 2}) ::close(fd);
              const auto result = run_command({"cat"}, "text", {}, Call());
              return result && result->output == "text" ? 0 : 1;
            }),
            0);
}

TEST(StandardDescriptors, WhatLiesAboveThemStays) {
  EXPECT_EQ(above_standard(-1), -1);
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 3);
  EXPECT_EQ(above_standard(fd), fd);
  ::close(fd);
}

}  // namespace
}  // namespace msb::os
