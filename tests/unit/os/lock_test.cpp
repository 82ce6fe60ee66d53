#include "os/lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "support/fault_fs.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::os {
namespace {

using std::chrono::milliseconds;
using test::TempDir;

TEST(FileLock, ExclusiveExcludesAndRelease) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  const Call call;
  auto held = FileLock::acquire(real_fs(), path, LockMode::exclusive, call);
  ASSERT_OK(held);
  auto second = FileLock::try_acquire(real_fs(), path, LockMode::shared);
  ASSERT_OK(second);
  EXPECT_FALSE(second->has_value());
  held->release();
  second = FileLock::try_acquire(real_fs(), path, LockMode::shared);
  ASSERT_OK(second);
  EXPECT_TRUE(second->has_value());
}

TEST(FileLock, SharedHoldersLiveTogether) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  const auto one = FileLock::try_acquire(real_fs(), path, LockMode::shared);
  const auto two = FileLock::try_acquire(real_fs(), path, LockMode::shared);
  const auto three = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
  ASSERT_OK(one);
  ASSERT_OK(two);
  ASSERT_OK(three);
  EXPECT_TRUE(one->has_value() && two->has_value());
  EXPECT_FALSE(three->has_value());
}

/// A process that was forked beside a call, and lives on.
class Bystander {
 public:
  Bystander() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
  }
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;
  ~Bystander() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

TEST(FileLock, AChildThatWasForkedMeanwhileDoesNotKeepIt) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  auto held = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
  ASSERT_OK(held);
  const Bystander child;
  held->reset();
  const auto again = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
  ASSERT_OK(again);
  EXPECT_TRUE(again->has_value());
}

TEST(FileLock, AChildDoesNotGiveItBack) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  auto held = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
  ASSERT_OK(held);
  const pid_t child = ::fork();
  if (child == 0) {
    held->reset();
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const auto again = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
  ASSERT_OK(again);
  EXPECT_FALSE(again->has_value());
}

TEST(FileLock, WhatIsHandedOnEndsWithItsHeir) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  auto held = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
  ASSERT_OK(held);
  {
    const Bystander heir;
    (*held)->hand_on();
    held->reset();
    const auto second = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
    ASSERT_OK(second);
    EXPECT_FALSE(second->has_value());
  }
  const auto third = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
  ASSERT_OK(third);
  EXPECT_TRUE(third->has_value());
}

TEST(FileLock, TimeoutNamesTheLock) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  const auto held = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
  ASSERT_OK(held);
  const auto refused = FileLock::acquire(real_fs(), path, LockMode::exclusive, Call(), milliseconds(10));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status(), Status::busy);
  ASSERT_NE(refused.error().fact("path"), nullptr);
  EXPECT_EQ(*refused.error().fact("path"), path);
}

TEST(FileLock, DeadlineEndsTheWait) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  const auto held = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
  const Call call(nullptr, Call::Clock::now() + milliseconds(20), nullptr, milliseconds(0));
  EXPECT_STATUS(Status::deadline_exceeded, FileLock::acquire(real_fs(), path, LockMode::exclusive, call));
}

TEST(FileLock, WaiterGetsItWhenReleased) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  auto held = FileLock::acquire(real_fs(), path, LockMode::exclusive, Call());
  ASSERT_OK(held);
  std::thread holder([&] {
    std::this_thread::sleep_for(milliseconds(10));
    held->release();
  });
  EXPECT_OK(FileLock::acquire(real_fs(), path, LockMode::exclusive, Call()));
  holder.join();
}

// Another program unlinks the lock file between our open and our flock: the lock on the nameless file is worth nothing.
class UnlinkingFs final : public Fs {
 public:
  explicit UnlinkingFs(std::string path) : path_(std::move(path)) {}
  int flock(int fd, int operation) override {
    if (times_ > 0) {
      --times_;
      Fs::unlink(AT_FDCWD, path_.c_str(), 0);
    }
    return Fs::flock(fd, operation);
  }

 private:
  std::string path_;
  int times_ = 3;
};

TEST(FileLock, HoldsTheFileThatHasTheName) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  UnlinkingFs fs(path);
  const auto lock = FileLock::acquire(fs, path, LockMode::exclusive, Call());
  ASSERT_OK(lock);
  const auto other = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
  ASSERT_OK(other);
  EXPECT_FALSE(other->has_value());
}

TEST(FileLock, NeverThroughASymlink) {
  const TempDir dir;
  test::write_text(dir / "target", "");
  std::filesystem::create_symlink(dir / "target", dir / "x.lock");
  const auto lock = FileLock::acquire(real_fs(), dir / "x.lock", LockMode::exclusive, Call());
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().os_code(), ELOOP);
}

TEST(FileLock, ManyThreadsOneAtATime) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  // Read, and written later: the lock is what keeps it whole. Atomic only for ThreadSanitizer, to which flock is
  // nothing.
  std::atomic<int> inside = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const auto lock = FileLock::acquire(real_fs(), path, LockMode::exclusive, Call());
        ASSERT_OK(lock);
        const int before = inside.load(std::memory_order_relaxed);
        std::this_thread::yield();
        inside.store(before + 1, std::memory_order_relaxed);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(inside, 20);
}

TEST(FileLock, RetiredLockLeavesNothing) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  auto lock = FileLock::acquire(real_fs(), path, LockMode::exclusive, Call());
  ASSERT_OK(lock);
  EXPECT_TRUE(lock->retire());
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

/// Another program waits for the lock on the file that it has open, and looks at nothing else afterwards.
TEST(FileLock, FileThatSomebodyHasOpenStays) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  const auto other = File::open(real_fs(), AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
  ASSERT_OK(other);
  auto lock = FileLock::acquire(real_fs(), path, LockMode::exclusive, Call());
  ASSERT_OK(lock);
  EXPECT_FALSE(lock->retire());
  const auto granted = try_flock(*other, LockMode::exclusive);
  ASSERT_OK(granted);
  EXPECT_TRUE(*granted);
  const auto same = names_same_file(*other, AT_FDCWD, path);
  ASSERT_OK(same);
  EXPECT_TRUE(*same);
}

/// No two may ever work at once while a third retires the lock. All of them look whether the path still leads to what
/// they have locked: a program that does not can be given a file that was found just before it went, as by any removal.
TEST(FileLock, RetiringNeverGivesALockTwice) {
  const TempDir dir;
  const std::string path = dir / "x.lock";
  std::atomic<int> inside = 0;
  std::atomic<bool> together = false;
  std::atomic<bool> over = false;
  std::atomic<int> retired = 0;
  std::vector<std::thread> strangers;
  for (int t = 0; t < 3; ++t) {
    strangers.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        const auto lock = FileLock::acquire(real_fs(), path, LockMode::exclusive, Call());
        ASSERT_OK(lock);
        if (++inside != 1) together = true;
        std::this_thread::sleep_for(std::chrono::microseconds(50));
        --inside;
        std::this_thread::sleep_for(std::chrono::microseconds(20 * t));
      }
    });
  }
  std::thread sweeper([&] {
    while (!over) {
      auto lock = FileLock::try_acquire(real_fs(), path, LockMode::exclusive);
      ASSERT_OK(lock);
      if (*lock && (*lock)->retire()) ++retired;
    }
  });
  for (auto& stranger : strangers) stranger.join();
  over = true;
  sweeper.join();
  EXPECT_FALSE(together);
  EXPECT_GT(retired, 0);
}

}  // namespace
}  // namespace msb::os
