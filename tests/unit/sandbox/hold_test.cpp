#include "sandbox/hold.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "child.h"
#include "sandbox/locks.h"
#include "sandbox/recover.h"
#include "sandbox/registry.h"
#include "sandbox/remove.h"
#include "support/fault_fs.h"
#include "support/sandbox_home.h"

namespace msb::sandbox {
namespace {

using test::Child;
using test::SandboxHome;

class HoldTest : public testing::Test {
 protected:
  HoldTest() { EXPECT_OK(home_.create("web")); }
  Result<StoppedHold> hold() const { return hold_stopped(home_.context(), "web", home_.call()); }
  Done set(Status status, int64_t pid = 0) const {
    return set_status(home_.context(), "web", status, pid, home_.call());
  }

  SandboxHome home_;
};

TEST_F(HoldTest, TakesTheLockThatMicrosandboxTakes) {
  {
    const auto held = hold();
    ASSERT_OK(held);
    EXPECT_EQ(held->sandbox().name, "web");
    // 32 digits of sha256("web"), as 0.6.14 names it.
    EXPECT_TRUE(std::filesystem::exists(home_.path("run/locks/4b5e57f6eb2f42b9039b3d1e13929295.lock")));
    const auto alone = hold_idle(home_.context(), "web", home_.call());
    ASSERT_STATUS(msb::Status::busy, alone) << "whoever starts it has to wait";
    EXPECT_NE(alone.error().message().find("web is being started, stopped or copied elsewhere"), std::string::npos);
    ASSERT_NE(alone.error().cause(), nullptr);
    EXPECT_NE(alone.error().cause()->message().find("4b5e57f6eb2f42b9039b3d1e13929295.lock"), std::string::npos);
  }
  EXPECT_FALSE(is_lifecycle_locked(home_.context(), "web"));
  EXPECT_OK(hold());
}

TEST_F(HoldTest, WhatOnlyReadsIsDoneTogether) {
  const auto one = hold();
  const auto two = hold();
  const auto three = hold();
  EXPECT_OK(one);
  EXPECT_OK(two);
  EXPECT_OK(three);
}

TEST_F(HoldTest, WhoChangesItHoldsItAlone) {
  const auto held = hold_idle(home_.context(), "web", home_.call());
  ASSERT_OK(held);
  EXPECT_TRUE(is_lifecycle_locked(home_.context(), "web"));
  EXPECT_STATUS(msb::Status::busy, hold());
  EXPECT_STATUS(msb::Status::busy, hold_idle(home_.context(), "web", home_.call()));
}

TEST_F(HoldTest, NothingStartsMeanwhile) {
  {
    const auto held = hold();
    ASSERT_OK(held);
    EXPECT_STATUS(msb::Status::busy, set(Status::starting, ::getpid()));
    EXPECT_OK(set(Status::crashed));
  }
  EXPECT_OK(set(Status::starting, ::getpid()));
}

TEST_F(HoldTest, RefusesEveryOtherStatus) {
  for (const Status status : {Status::starting, Status::running, Status::paused, Status::draining}) {
    home_.run_script("DELETE FROM run");
    ASSERT_OK(set(Status::stopped));
    if (status > Status::running) {
      ASSERT_OK(set(Status::running, ::getpid()));
    }
    ASSERT_OK(set(status, ::getpid()));
    const auto held = hold();
    ASSERT_STATUS(msb::Status::sandbox_still_running, held);
    EXPECT_EQ(*held.error().fact("status"), status_name(status));
  }
  home_.run_script("UPDATE sandbox SET status = 'Created'");
  EXPECT_STATUS(msb::Status::sandbox_still_running, hold());
  EXPECT_OK(hold_idle(home_.context(), "web", home_.call()));
  EXPECT_STATUS(msb::Status::sandbox_not_found, hold_stopped(home_.context(), "nobody", home_.call()));
}

TEST_F(HoldTest, HoldsOneWhoseProcessIsGone) {
  Child child;
  ASSERT_OK(set(Status::running, child.pid()));
  EXPECT_STATUS(msb::Status::sandbox_still_running, hold());
  child.end();
  const auto held = hold();
  ASSERT_OK(held);
  EXPECT_EQ(held->sandbox().status, Status::crashed);
}

TEST_F(HoldTest, WaitsForAMachineThatHasReportedItsEnd) {
  Child child;
  ASSERT_OK(set(Status::running, child.pid()));
  ASSERT_OK(set(Status::stopped));
  EXPECT_STATUS(msb::Status::sandbox_still_running, hold());
  child.end();
  EXPECT_OK(hold());
}

TEST_F(HoldTest, DoesNotWaitForAMachineThatBeginsMeanwhile) {
  std::optional<os::FileLock> starting(*lock_lifecycle(home_.context(), "web", home_.call()));
  std::optional<Result<StoppedHold>> held;
  std::thread other([&] { held.emplace(hold()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  home_.run_script("UPDATE sandbox SET status = 'Running'");
  home_.run_script("INSERT INTO run (sandbox_id, pid, status, started_at) SELECT id, " + std::to_string(::getpid()) +
                   ", 'Running', '2026-01-01 00:00:00' FROM sandbox");
  other.join();
  ASSERT_STATUS(msb::Status::sandbox_still_running, *held);
  ASSERT_NE(held->error().fact("status"), nullptr) << held->error().message();
  EXPECT_EQ(*held->error().fact("status"), "running");
}

TEST_F(HoldTest, SomeTimeAfterItsEndAProcessNumberMeansNothing) {
  ASSERT_OK(set(Status::running, ::getppid()));
  ASSERT_OK(set(Status::stopped));
  home_.run_script("UPDATE run SET terminated_at = '2026-01-01 00:00:00'");
  EXPECT_OK(hold());
}

TEST_F(HoldTest, RemoveTakesEverything) {
  std::filesystem::create_directories(home_.directory("web") + "/logs");
  ASSERT_OK(remove(home_.context(), "web", home_.call()));
  EXPECT_EQ(home_.names(), (std::set<std::string>()));
  for (const char* table : {"sandbox", "sandbox_rootfs", "sandbox_labels", "run"}) {
    EXPECT_EQ(home_.query(std::string("SELECT count(*) FROM ") + table), "0") << table;
  }
  EXPECT_STATUS(msb::Status::sandbox_not_found, remove(home_.context(), "web", home_.call()));
}

TEST_F(HoldTest, RemoveRefusesARunningOne) {
  ASSERT_OK(set(Status::running, ::getpid()));
  EXPECT_STATUS(msb::Status::sandbox_still_running, remove(home_.context(), "web", home_.call()));
  EXPECT_TRUE(std::filesystem::exists(home_.directory("web") + "/upper.ext4"));
}

TEST_F(HoldTest, RemoveNeedsNoDirectory) {
  std::filesystem::remove_all(home_.directory("web"));
  ASSERT_OK(remove(home_.context(), "web", home_.call()));
  EXPECT_STATUS(msb::Status::sandbox_not_found, get(home_.context(), "web", home_.call()));
}

/// A file system of 8 MiB, and homes in it, until it goes.
class SmallDisk {
 public:
  SmallDisk() : mounted_(::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=8m") == 0) {
    if (mounted_) ::setenv("TMPDIR", dir_.path().c_str(), 1);
  }
  ~SmallDisk() {
    if (!mounted_) return;
    before_ ? ::setenv("TMPDIR", before_->c_str(), 1) : ::unsetenv("TMPDIR");
    ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  explicit operator bool() const { return mounted_; }
  void fill() const {
    std::ofstream file(dir_ / "ballast");
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }

 private:
  test::TempDir dir_;
  std::optional<std::string> before_ =
      std::getenv("TMPDIR") != nullptr ? std::optional<std::string>(std::getenv("TMPDIR")) : std::nullopt;
  bool mounted_;
};

TEST(RemoveOnAFullDisk, MakesRoomForItsOwnRecord) {
  const SmallDisk disk;
  if (!disk) GTEST_SKIP() << "needs to mount a tmpfs";
  const SandboxHome home;
  ASSERT_OK(home.create("web"));
  disk.fill();
  ASSERT_FALSE(home.create("other").ok());
  ASSERT_OK(remove(home.context(), "web", home.call()));
  EXPECT_EQ(home.names(), (std::set<std::string>()));
  EXPECT_EQ(home.query("SELECT count(*) FROM sandbox"), "0");
}

class RemoveFaults : public testing::TestWithParam<test::Fault> {};

TEST_P(RemoveFaults, LeaveTheSandboxOrNothing) {
  for (unsigned at = 1;; ++at) {
    SandboxHome home;
    ASSERT_OK(home.create("web"));
    test::FaultFs fs(GetParam(), at);
    home.use(fs);
    const Done removed = remove(home.context(), "web", home.call());
    home.use(os::real_fs());
    ASSERT_OK(recover(home.context(), home.call())) << at;
    const bool recorded = home.query("SELECT count(*) FROM sandbox") == "1";
    if (removed) {
      EXPECT_FALSE(recorded) << at;
    }
    EXPECT_EQ(home.names(), recorded ? std::set<std::string>{"web"} : std::set<std::string>()) << at;
    EXPECT_FALSE(std::filesystem::exists(home.directory("web") + "/.unrecorded")) << at;
    if (recorded) {
      EXPECT_OK(remove(home.context(), "web", home.call())) << at;
    }
    EXPECT_OK(home.create("web")) << at;
    if (!fs.reached()) break;
    ASSERT_LT(at, 500U);
  }
}

INSTANTIATE_TEST_SUITE_P(, RemoveFaults,
                         testing::Values(test::Fault::fail, test::Fault::crash, test::Fault::crash_after,
                                         test::Fault::no_space));

TEST(Recover, TakesAwayOnlyWhatWeMarked) {
  const SandboxHome home;
  ASSERT_OK(home.create("web"));
  const auto make = [&](const std::string& name, bool marked) {
    std::filesystem::create_directories(home.directory(name));
    if (marked) test::write_text(home.directory(name) + "/.unrecorded", "");
  };
  make("foreign", false);
  make("dead", true);
  make("web", true);
  make("held", true);
  make(".trash-0123456789abcdef", false);
  std::optional<os::FileLock> lock(*lock_creation(home.context(), "held", home.call()));
  EXPECT_EQ(*recover(home.context(), home.call()), 3U);
  EXPECT_EQ(home.names(), (std::set<std::string>{"foreign", "held", "web"}));
  lock.reset();
  EXPECT_EQ(*recover(home.context(), home.call()), 1U);
  EXPECT_EQ(home.names(), (std::set<std::string>{"foreign", "web"}));
  EXPECT_OK(get(home.context(), "web", home.call()));
  EXPECT_EQ(*recover(home.context(), home.call()), 0U);
}

}  // namespace
}  // namespace msb::sandbox
