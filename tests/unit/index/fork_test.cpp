#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "index/database.h"
#include "support/result.h"
#include "support/temp_dir.h"

// A database that is open in a process that forks. What is committed stays, on either side, whoever opens and closes
// the file beside them.
namespace msb::index {
namespace {

class ForkTest : public testing::Test {
 protected:
  std::unique_ptr<Database> open() {
    auto database = Database::open(os::real_fs(), home_ / "db", {}, call_);
    EXPECT_OK(database);
    return database ? std::move(*database) : nullptr;
  }
  Done add(Database& database, const std::string& name) const {
    return database.write(call_, [&](Transaction& transaction) {
      return transaction.execute("INSERT INTO manifest (digest, created_at) VALUES (?, '2026-01-01 00:00:00')", {name});
    });
  }
  /// Runs `work` in a child, which ends with 0 where it returns true.
  static pid_t fork_to(const std::function<bool()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(20);
      ::_exit(work() ? 0 : 1);
    }
    return child;
  }
  static bool ended_well(pid_t child) {
    int status = -1;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  /// What a program sees that has nothing to do with these processes; it opens and closes the file as the last one
  /// would.
  std::string seen_elsewhere(const std::string& sql =
                                 "SELECT group_concat(digest, ' ') FROM (SELECT digest FROM "
                                 "manifest ORDER BY digest)") const {
    const std::string command = "sqlite3 -cmd '.timeout 5000' '" + (home_ / "db/msb.db") + "' \"" + sql + "\"";
    std::string said;
    FILE* const pipe = ::popen(command.c_str(), "r");
    for (int c = 0; (c = std::fgetc(pipe)) != EOF && c != '\n';) said += static_cast<char>(c);
    EXPECT_EQ(::pclose(pipe), 0);
    return said;
  }

  test::TempDir home_;
  Call call_;
};

TEST_F(ForkTest, ParentGoesOnAfterTheChildHasUsedIt) {
  const auto database = open();
  ASSERT_OK(add(*database, "a"));
  EXPECT_TRUE(ended_well(fork_to([&] { return add(*database, "b").ok(); })));
  EXPECT_EQ(seen_elsewhere(), "a b");
  ASSERT_OK(add(*database, "c"));
  EXPECT_EQ(seen_elsewhere(), "a b c");
  EXPECT_TRUE(ended_well(fork_to([&] { return add(*database, "d").ok(); })));
  ASSERT_OK(add(*database, "e"));
  EXPECT_EQ(seen_elsewhere(), "a b c d e");
  EXPECT_EQ(seen_elsewhere("PRAGMA integrity_check"), "ok");
}

TEST_F(ForkTest, ChildGoesOnAfterItsParentHasEnded) {
  int gate[2];
  ASSERT_EQ(::pipe(gate), 0);
  // As a daemon does it: the one that has opened the database leaves.
  const pid_t opener = fork_to([&] {
    auto database = open();
    if (!add(*database, "a")) return false;
    if (::fork() != 0) {
      database.reset();
      return true;
    }
    ::alarm(20);
    char byte = 0;
    ::close(gate[1]);
    while (::read(gate[0], &byte, 1) > 0) continue;
    bool well = true;
    for (const char* name : {"b", "c", "d"}) {
      well = well && add(*database, name).ok() && seen_elsewhere().ends_with(name);
    }
    well = well && add(*database, "e").ok();
    ::_exit(well && seen_elsewhere() == "a b c d e" ? 0 : 1);
  });
  EXPECT_TRUE(ended_well(opener));
  EXPECT_EQ(seen_elsewhere(), "a");
  ::close(gate[1]);
  for (int look = 0; look < 1000 && seen_elsewhere() != "a b c d e"; ++look) ::usleep(10'000);
  ::close(gate[0]);
  EXPECT_EQ(seen_elsewhere(), "a b c d e");
}

TEST_F(ForkTest, BothWriteAtOnce) {
  const auto database = open();
  ASSERT_OK(add(*database, "0"));
  constexpr int kRows = 50;
  const auto write = [&](const char* who) {
    bool well = true;
    for (int i = 0; i < kRows; ++i) well = add(*database, who + std::to_string(i)).ok() && well;
    return well;
  };
  const pid_t one = fork_to([&] { return write("one"); });
  const pid_t two = fork_to([&] {
    const pid_t below = fork_to([&] { return write("below"); });
    return write("two") && ended_well(below);
  });
  EXPECT_TRUE(write("parent"));
  EXPECT_TRUE(ended_well(one));
  EXPECT_TRUE(ended_well(two));
  EXPECT_EQ(seen_elsewhere("SELECT count(*) FROM manifest"), std::to_string(4 * kRows + 1));
  EXPECT_EQ(seen_elsewhere("PRAGMA integrity_check"), "ok");
}

TEST_F(ForkTest, ClosingInTheChildTakesNothingFromTheParent) {
  auto database = open();
  ASSERT_OK(add(*database, "a"));
  EXPECT_TRUE(ended_well(fork_to([&] {
    database.reset();
    const auto own = open();
    return add(*own, "b").ok();
  })));
  ASSERT_OK(add(*database, "c"));
  EXPECT_EQ(seen_elsewhere(), "a b c");
  ASSERT_OK(add(*database, "d"));
  EXPECT_EQ(seen_elsewhere(), "a b c d");
}

TEST_F(ForkTest, AChildOfABusyProgramCanUseIt) {
  const auto database = open();
  std::atomic<bool> over = false;
  std::thread busy([&] {
    for (int i = 0; !over; ++i) {
      EXPECT_OK(add(*database, "busy" + std::to_string(i)));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // SQLite's locks are not fair: others need a gap
    }
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(ended_well(fork_to([&, i] { return add(*database, "child" + std::to_string(i)).ok(); }))) << i;
  }
  over = true;
  busy.join();
  EXPECT_EQ(seen_elsewhere("SELECT count(*) FROM manifest WHERE digest LIKE 'child%'"), "20");
}

TEST_F(ForkTest, AChildThatWasCutOffInATransactionIsToldSo) {
  const auto database = open();
  ASSERT_OK(database->write(call_, [&](Transaction& transaction) -> Done {
    EXPECT_TRUE(ended_well(fork_to([&] {
      const auto other = Database::open(os::real_fs(), home_ / "other/db", {}, call_);
      return !other && other.error().status() == Status::unsupported &&
             other.error().message().find("made by fork() in the middle of a call") != std::string::npos;
    })));
    return transaction.execute("INSERT INTO manifest (digest, created_at) VALUES ('a', '2026-01-01 00:00:00')");
  }));
  EXPECT_EQ(seen_elsewhere(), "a");
}

}  // namespace
}  // namespace msb::index
