#include "index/database.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/time.h"
#include "os/lock.h"
#include "os/stamp.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::index {
namespace {

using namespace std::chrono_literals;

class DatabaseTest : public testing::Test {
 protected:
  std::string directory() const { return home_ / "db"; }
  std::string file() const { return directory() + "/msb.db"; }

  std::unique_ptr<Database> open(DatabaseOptions options = {}) {
    auto database = Database::open(os::real_fs(), directory(), options, call_);
    EXPECT_OK(database);
    return database ? std::move(*database) : nullptr;
  }
  /// A connection of some other program.
  std::unique_ptr<Connection> stranger() {
    return std::move(*Connection::open(file(), Connection::Access::read_write));
  }
  void make_from(const std::string& sql) {
    std::filesystem::create_directory(directory());
    ASSERT_OK(stranger()->script(sql));
  }
  static Done add_layer(Database& database, const std::string& name, const Call& call) {
    return database.write(call, [&](Transaction& transaction) {
      return transaction.execute("INSERT INTO layer (diff_id, blob_digest) VALUES (?, '')", {name});
    });
  }
  static int64_t layers(Database& database) {
    const Call call;
    auto count = database.read(call, [](Transaction& transaction) -> Result<int64_t> {
      MSB_TRY(Statement query, transaction.query("SELECT count(*) FROM layer"));
      MSB_TRY(const bool row, query.step());
      return row ? query.integer(0) : -1;
    });
    EXPECT_OK(count);
    return count ? *count : -1;
  }

  test::TempDir home_;
  const Call call_;
};

std::vector<std::string> catalogue(Connection& connection) {
  std::vector<std::string> lines;
  auto query = connection.query(
      "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' "
      "UNION ALL SELECT version FROM seaql_migrations ORDER BY 1");
  while (query && *query->step()) lines.push_back(query->text(0));
  return lines;
}

TEST_F(DatabaseTest, NewOnesAreThoseOfTheirRelease) {
  const std::vector<std::pair<const char*, const char*>> releases = {
      {"0.6.3", "0.6.2"}, {"0.6.5", "0.6.6"}, {"0.6.8", "0.6.7"}, {"0.6.9", "0.6.14"}, {"0.6.16", "0.6.18"}};
  for (const auto& [release, fixture] : releases) {
    SCOPED_TRACE(release);
    const auto edition = edition_of(release);
    ASSERT_TRUE(edition);
    EXPECT_TRUE(edition->creatable());
    std::filesystem::remove_all(directory());
    EXPECT_TRUE(open({.edition = *edition})->schema(call_)->writable());
    const auto golden = std::move(*Connection::open("golden", Connection::Access::memory));
    const auto dump = test::upstream_path("snapshots/" + std::string(fixture) + "/msb.db.sql");
    ASSERT_OK(golden->script(test::read_file(dump)));
    EXPECT_EQ(catalogue(*stranger()), catalogue(*golden));
  }
  EXPECT_EQ(default_edition().last, "0.6.3");
}

TEST(EditionTest, ReleasesAreKnownByTheirNumber) {
  EXPECT_EQ(edition_of("0.6.14")->migrations, 23U);
  EXPECT_EQ(edition_of("0.6.2")->last, "0.6.3");
  EXPECT_FALSE(edition_of("0.7.2")->creatable());
  EXPECT_FALSE(edition_of("0.5.7")->creatable());
  for (const char* text : {"", "0.6", "0.6.", "v0.6.3", "0.6.3 ", "0.6.3.1", "0.6.15", "0.6.99", "1.0.0", "-1.6.3"}) {
    EXPECT_FALSE(edition_of(text)) << text;
  }
}

TEST_F(DatabaseTest, AskingForAnEditionDoesNotChangeWhatIsThere) {
  open();
  EXPECT_EQ(open({.edition = newest_edition()})->schema(call_)->edition()->last, "0.6.3");
}

/// Names, contents and times of everything below a directory.
std::map<std::string, std::string> traces(const std::filesystem::path& directory) {
  std::map<std::string, std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    const auto stamp = os::Stamp::of(os::real_fs(), entry.path().string());
    found[entry.path().string()] = std::to_string(stamp->modified_ns) + " " + std::to_string(stamp->inode) + " " +
                                   (entry.is_regular_file() ? test::read_file(entry.path()) : "");
  }
  found["."] = std::to_string(os::Stamp::of(os::real_fs(), directory.string())->modified_ns);
  return found;
}

TEST_F(DatabaseTest, ReadingLeavesNoFiles) {
  EXPECT_OK(add_layer(*open(), "a", call_));
  const auto before = traces(directory());
  EXPECT_EQ(layers(*open({.read_only = true})), 1);
  EXPECT_EQ(traces(directory()), before);
}

/// Leaves a database as programs do that just end: with its log, which holds what was written last.
void leave_open(const std::string& directory, const std::string& sql) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto connection = Connection::open(directory + "/msb.db", Connection::Access::read_write);
    ::_exit(connection && (*connection)->script(sql) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(std::filesystem::exists(directory + "/msb.db-wal"));
}

TEST_F(DatabaseTest, ACopyLeavesNoTraceAndSeesTheLog) {
  open();
  leave_open(directory(), "INSERT INTO layer (diff_id, blob_digest) VALUES ('a', 'b')");
  const auto before = traces(directory());
  const auto copy = open({.read_only = true, .copied = true});
  EXPECT_EQ(layers(*copy), 1);
  EXPECT_EQ(traces(directory()), before);
  EXPECT_OK(add_layer(*open(), "c", call_));
  EXPECT_EQ(layers(*copy), 1);
  EXPECT_STATUS(Status::unsupported, add_layer(*copy, "d", call_));
}

TEST_F(DatabaseTest, WhatMayNotBeWrittenIsNotTouched) {
  open();
  leave_open(directory(), "INSERT INTO seaql_migrations VALUES ('m20991231_000001_from_the_future', 1)");
  for (const bool locks : {true, false}) {
    if (!locks) std::filesystem::remove(file() + ".migration.lock");
    const auto before = traces(directory());
    const auto database = open();
    ASSERT_TRUE(database);
    EXPECT_FALSE(database->opened_for_writing());
    EXPECT_EQ(layers(*database), 0);
    EXPECT_STATUS(Status::database, database->check_writable(call_));
    EXPECT_STATUS(Status::database, add_layer(*database, "a", call_));
    EXPECT_EQ(traces(directory()), before);
  }
}

TEST_F(DatabaseTest, AnUpgradeInProgressIsWaitedFor) {
  open();
  const auto other = stranger();
  ASSERT_OK(
      other->execute("INSERT INTO seaql_migrations VALUES ('m20260703_000001_add_sandbox_active_config', 1), "
                     "('m20260708_000001_migrate_bind_rootfs_source', 1)"));
  auto upgrading = os::FileLock::acquire(os::real_fs(), file() + ".migration.lock", os::LockMode::exclusive, call_);
  std::thread opener([&] { EXPECT_TRUE(open()->opened_for_writing()); });
  ASSERT_OK(other->execute("DELETE FROM seaql_migrations WHERE version LIKE '%bind_rootfs_source'"));
  upgrading->release();
  opener.join();
}

/// Many threads of one process, as a server has them: SQLite shares what it knows of a file among its connections.
TEST_F(DatabaseTest, LookingFirstDoesNotDisturbOtherThreads) {
  constexpr int kThreads = 4;
  open();
  leave_open(directory(), "INSERT INTO layer (diff_id, blob_digest) VALUES ('a', 'b')");
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const auto database = open({.busy_timeout = 20s});
        EXPECT_OK(add_layer(*database, std::to_string(t) + "." + std::to_string(i), call_));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(layers(*open()), 1 + kThreads * 25);
}

TEST_F(DatabaseTest, NewOneIsWritableAndInWalMode) {
  const auto database = open();
  const auto schema = database->schema(call_);
  ASSERT_OK(schema);
  EXPECT_EQ(schema->generation(), Generation::manifest);
  EXPECT_TRUE(schema->writable());
  EXPECT_EQ(schema->describe(), "microsandbox 0.6.3 (13 migrations)");
  EXPECT_TRUE(schema->has("snapshot_index", "digest"));
  EXPECT_FALSE(schema->has("snapshot_index", "scope"));
  auto mode = stranger();
  auto query = mode->query("PRAGMA journal_mode");
  ASSERT_OK(query);
  ASSERT_TRUE(*query->step());
  EXPECT_EQ(query->text(0), "wal");
}

TEST_F(DatabaseTest, FailedWorkIsUndone) {
  const auto database = open();
  const Done done = database->write(call_, [](Transaction& transaction) -> Done {
    MSB_CHECK(transaction.execute("INSERT INTO layer (diff_id, blob_digest) VALUES ('a', 'b')"));
    return Error(Status::image_invalid, "no");
  });
  EXPECT_STATUS(Status::image_invalid, done);
  EXPECT_EQ(layers(*database), 0);
  EXPECT_OK(add_layer(*database, "a", call_));
  EXPECT_EQ(layers(*database), 1);
}

TEST_F(DatabaseTest, ForeignKeysHold) {
  const auto database = open();
  EXPECT_STATUS(Status::database, database->write(call_, [](Transaction& transaction) {
    return transaction.execute("INSERT INTO image_ref (reference, manifest_id) VALUES ('a', 7)");
  }));
}

TEST_F(DatabaseTest, TransactionsDoNotNest) {
  const auto database = open();
  EXPECT_STATUS(Status::internal,
                database->write(call_, [&](Transaction&) { return add_layer(*database, "a", call_); }));
}

TEST_F(DatabaseTest, WaitsForOthersAndThenIsBusy) {
  const auto database = open({.busy_timeout = 50ms});
  const auto other = stranger();
  ASSERT_OK(other->script("BEGIN IMMEDIATE"));
  const auto start = Call::Clock::now();
  const Done done = add_layer(*database, "a", call_);
  EXPECT_STATUS(Status::busy, done);
  EXPECT_GE(Call::Clock::now() - start, 40ms);
  EXPECT_EQ(*done.error().fact("path"), file());
  EXPECT_EQ(layers(*database), 0);  // readers are not kept out
  ASSERT_OK(other->script("COMMIT"));
  EXPECT_OK(add_layer(*database, "a", call_));
}

TEST_F(DatabaseTest, WaitingStopsWithTheCall) {
  const auto database = open();
  const auto other = stranger();
  ASSERT_OK(other->script("BEGIN IMMEDIATE"));
  const Call late(nullptr, Call::Clock::now() + 20ms, nullptr, 50ms);
  EXPECT_STATUS(Status::deadline_exceeded, add_layer(*database, "a", late));
  CancelToken token;
  token.trigger();
  const Call cancelled(&token, Call::Clock::time_point::max(), nullptr, 50ms);
  EXPECT_STATUS(Status::cancelled, add_layer(*database, "a", cancelled));
}

TEST_F(DatabaseTest, LongStatementsStopWithTheCall) {
  const auto database = open();
  const Call call(nullptr, Call::Clock::now() + 20ms, nullptr, 50ms);
  const auto start = Call::Clock::now();
  EXPECT_STATUS(Status::deadline_exceeded, database->read(call, [](Transaction& transaction) {
    return transaction.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
  }));
  EXPECT_LT(Call::Clock::now() - start, 2s);
  EXPECT_OK(add_layer(*database, "a", call_));
}

TEST_F(DatabaseTest, WaitingForTheMigrationLockStopsWithTheCall) {
  open();
  const int fd = ::open((file() + ".migration.lock").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  const Call late(nullptr, Call::Clock::now() + 20ms, nullptr, 50ms);
  EXPECT_STATUS(Status::deadline_exceeded, Database::open(os::real_fs(), directory(), {}, late));
  ::close(fd);
  open();
}

TEST_F(DatabaseTest, AnInstallationKeepsWritersOut) {
  const auto database = open({.busy_timeout = 30ms});
  const auto other = stranger();
  ASSERT_OK(
      other->execute("INSERT INTO maintenance_lease (name, holder_pid, lease_expires_at) "
                     "VALUES ('install_exclusive', 42, ?)",
                     {format_db_time(now_ns() + 60'000'000'000)}));
  const Done done = add_layer(*database, "a", call_);
  EXPECT_STATUS(Status::busy, done);
  EXPECT_NE(done.error().message().find("process 42"), std::string::npos) << done.error().message();
  ASSERT_OK(other->execute("UPDATE maintenance_lease SET lease_expires_at = ?", {format_db_time(now_ns())}));
  EXPECT_OK(add_layer(*database, "a", call_));
}

TEST_F(DatabaseTest, AnUpgradeIsNoticedWhileOpen) {
  const auto database = open();
  EXPECT_OK(add_layer(*database, "a", call_));
  const auto other = stranger();
  ASSERT_OK(other->execute("INSERT INTO seaql_migrations VALUES ('m20260703_000001_add_sandbox_active_config', 1)"));
  EXPECT_OK(add_layer(*database, "b", call_));
  ASSERT_OK(other->execute("INSERT INTO seaql_migrations VALUES ('m20991231_000001_from_the_future', 1)"));
  const Done done = add_layer(*database, "c", call_);
  EXPECT_STATUS(Status::database, done);
  EXPECT_EQ(done.error().message(),
            "database error: " + file() +
                " has the schema of a later microsandbox (migration m20991231_000001_from_the_future); this library "
                "reads it, but writes only up to microsandbox 0.6.18 (25 migrations)");
  EXPECT_EQ(layers(*database), 2);
}

TEST_F(DatabaseTest, UnfinishedUpgradeIsNotWritten) {
  const auto database = open();
  const auto other = stranger();
  ASSERT_OK(
      other->execute("INSERT INTO seaql_migrations VALUES ('m20260703_000001_add_sandbox_active_config', 1), "
                     "('m20260708_000001_migrate_bind_rootfs_source', 1)"));
  const Done done = add_layer(*database, "c", call_);
  EXPECT_STATUS(Status::database, done);
  EXPECT_NE(done.error().message().find("unfinished upgrade to microsandbox 0.6.8"), std::string::npos);
}

TEST_F(DatabaseTest, MissingMigrationIsNoPrefix) {
  const auto database = open();
  ASSERT_OK(stranger()->execute("DELETE FROM seaql_migrations WHERE version LIKE '%create_storage_tables'"));
  EXPECT_STATUS(Status::database, add_layer(*database, "c", call_));
  EXPECT_EQ(database->schema(call_)->generation(), Generation::unknown);
}

TEST_F(DatabaseTest, DatabaseOfAnotherProgramIsNotWritten) {
  make_from("CREATE TABLE recipes (id INTEGER); INSERT INTO recipes VALUES (7);");
  const auto database = open();
  ASSERT_TRUE(database);
  EXPECT_EQ(database->schema(call_)->generation(), Generation::unknown);
  EXPECT_STATUS(Status::database, add_layer(*database, "c", call_));
  EXPECT_STATUS(Status::database,
                database->read(call_, [](Transaction& t) { return t.execute("SELECT * FROM layer"); }));
}

TEST_F(DatabaseTest, EmptyFileBecomesANewDatabase) {
  std::filesystem::create_directory(directory());
  std::ofstream(file()).flush();
  EXPECT_TRUE(open()->schema(call_)->writable());
}

TEST_F(DatabaseTest, DamageIsReportedWithThePathAndARemedy) {
  std::filesystem::create_directory(directory());
  test::write_text(file(), std::string(8192, 'x'));
  const auto database = Database::open(os::real_fs(), directory(), {}, call_);
  EXPECT_STATUS(Status::database, database);
  EXPECT_EQ(*database.error().fact("path"), file());
  EXPECT_NE(database.error().message().find(".recover"), std::string::npos) << database.error().message();
  EXPECT_EQ(test::read_file(file()), std::string(8192, 'x'));
}

TEST_F(DatabaseTest, ReadOnlyOpensWhatIsThereAndWhatIsNot) {
  {
    const auto empty = open({.read_only = true});
    EXPECT_EQ(layers(*empty), 0);
    EXPECT_FALSE(std::filesystem::exists(directory()));
    EXPECT_STATUS(Status::unsupported, add_layer(*empty, "a", call_));
    const auto writer = open();
    EXPECT_OK(add_layer(*writer, "a", call_));
    EXPECT_EQ(layers(*empty), 1);  // it appeared meanwhile
  }
  const auto database = open({.read_only = true});
  EXPECT_EQ(layers(*database), 1);
  const Done done = add_layer(*database, "b", call_);
  EXPECT_STATUS(Status::unsupported, done);
  EXPECT_EQ(done.error().message(), "unsupported operation: " + file() + " was opened for reading only");
}

/// A home on a file system mounted read-only, as an unprivileged reader or a read-only container sees it.
class ReadOnlyMount {
 public:
  explicit ReadOnlyMount(const std::string& path) : path_(path) {
    good_ = ::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0;
    good_ = good_ && ::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
  }
  ~ReadOnlyMount() { ::umount2(path_.c_str(), MNT_DETACH); }
  bool good() const { return good_; }

 private:
  std::string path_;
  bool good_;
};

TEST_F(DatabaseTest, HomeThatCannotBeWrittenIsRead) {
  EXPECT_OK(add_layer(*open(), "a", call_));
  const ReadOnlyMount mount(home_.path());
  if (!mount.good()) GTEST_SKIP() << "mounting needs root";
  const auto database = open();
  ASSERT_TRUE(database);
  EXPECT_EQ(layers(*database), 1);
  const Done done = add_layer(*database, "b", call_);
  EXPECT_STATUS(Status::database, done);
  EXPECT_NE(done.error().message().find("is in a home that cannot be written"), std::string::npos);
}

TEST_F(DatabaseTest, HomeThatCannotBeWrittenIsReadWithItsLog) {
  const auto writer = open();  // stays open, so that -wal and -shm remain
  EXPECT_OK(add_layer(*writer, "a", call_));
  const ReadOnlyMount mount(home_.path());
  if (!mount.good()) GTEST_SKIP() << "mounting needs root";
  const auto database = open();
  ASSERT_TRUE(database);
  EXPECT_EQ(layers(*database), 1);
}

TEST_F(DatabaseTest, UnrecoveredLogIsNotIgnored) {
  const test::TempDir copy;
  {
    const auto writer = open();
    EXPECT_OK(add_layer(*writer, "a", call_));
    std::filesystem::create_directory(copy / "db");
    std::filesystem::copy_file(file(), copy / "db/msb.db");
    std::filesystem::copy_file(file() + "-wal", copy / "db/msb.db-wal");
  }
  const ReadOnlyMount mount(copy.path());
  if (!mount.good()) GTEST_SKIP() << "mounting needs root";
  const auto database = Database::open(os::real_fs(), copy / "db", {}, call_);
  EXPECT_STATUS(Status::database, database);
  EXPECT_NE(database.error().message().find("was not closed properly"), std::string::npos);
}

TEST_F(DatabaseTest, ManyThreadsShareOne) {
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  const auto database = open();
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const Call call;
      for (int i = 0; i < kEach; ++i) {
        if (!add_layer(*database, std::to_string(t) + "." + std::to_string(i), call)) ++failures;
        if (layers(*database) < i + 1) ++failures;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(layers(*database), kThreads * kEach);
}

// Who closes it last holds it alone for a moment, to fold the log into it.
TEST_F(DatabaseTest, OpensWhileOthersClose) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        const auto database = open();
        if (database != nullptr && round % 10 == 0) layers(*database);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(DatabaseTest, ManyProcessesShareOne) {
  constexpr int kProcesses = 4;
  constexpr int kEach = 40;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {  // all of them also race to create it
      const Call call;
      auto database = Database::open(os::real_fs(), directory(), {.busy_timeout = 20s}, call);
      if (!database) ::_exit(1);
      for (int i = 0; i < kEach; ++i) {
        if (!add_layer(**database, std::to_string(p) + "." + std::to_string(i), call)) ::_exit(2);
      }
      ::_exit(0);  // as after a crash: nothing is closed
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(layers(*open()), kProcesses * kEach);
}

TEST_F(DatabaseTest, KnowsEveryReleaseInTheFixtures) {
  struct Case {
    std::string dump;
    Generation generation;
    bool writable;
    std::string release;
  };
  const std::vector<Case> cases = {
      {"0.5.7", Generation::manifest, true, "microsandbox 0.5.7 (11 migrations)"},
      {"0.6.2", Generation::manifest, true, "microsandbox 0.6.3 (13 migrations)"},
      {"0.6.14", Generation::descriptor, true, "microsandbox 0.6.14 (23 migrations)"},
      {"migrated-0.6.6-to-0.6.14", Generation::descriptor, true, "microsandbox 0.6.14 (23 migrations)"},
      {"0.6.18", Generation::descriptor, true, "microsandbox 0.6.18 (25 migrations)"},
      {"0.7.2", Generation::groups, false, "microsandbox 0.7.2 (27 migrations)"},
  };
  for (const Case& c : cases) {
    std::filesystem::remove_all(directory());
    make_from(test::read_file(test::upstream_path("snapshots/" + c.dump + "/msb.db.sql")));
    // Leases in them end in 2026: still running where the clock is behind.
    if (c.dump != "0.5.7") {
      ASSERT_OK(stranger()->script("DELETE FROM maintenance_lease"));
    }
    const auto database = open({.busy_timeout = 50ms});
    const auto schema = database->schema(call_);
    ASSERT_OK(schema) << c.dump;
    EXPECT_EQ(schema->generation(), c.generation) << c.dump;
    EXPECT_EQ(schema->describe(), c.release);
    EXPECT_EQ(schema->writable(), c.writable) << c.dump;
    const int64_t before = layers(*database);
    EXPECT_EQ(add_layer(*database, "sha256:new", call_).ok(), c.writable) << c.dump;
    EXPECT_EQ(layers(*database), before + (c.writable ? 1 : 0)) << c.dump;
  }
}

}  // namespace
}  // namespace msb::index
