#include "index/downgrades.h"

#include <filesystem>
#include <fstream>
#include <optional>

#include "index/database.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::index {
namespace {

namespace stdfs = std::filesystem;

class DowngradesTest : public testing::Test {
 protected:
  std::string directory() const { return home_ / "db"; }
  stdfs::path runs() const { return directory() + "/self-downgrade"; }
  Done check() const { return check_downgrades(os::real_fs(), directory()); }

  void write_journal(const std::string& run, const std::string& text) const {
    stdfs::create_directories(runs() / run);
    std::ofstream(runs() / run / "journal.json") << text;
  }

  test::TempDir home_;
  const Call call_;
};

TEST_F(DowngradesTest, NoneIsFine) {
  EXPECT_OK(check());
  stdfs::create_directories(runs());
  EXPECT_OK(check());
}

TEST_F(DowngradesTest, EveryOneHasToBeComplete) {
  write_journal("a", R"({"phase":"complete","steps":[1,2]})");
  EXPECT_OK(check());
  write_journal("b", R"({"phase":"staged"})");
  const Done done = check();
  ASSERT_STATUS(Status::database, done);
  EXPECT_EQ(done.error().message(), "database error: " + (runs() / "b/journal.json").string() +
                                        " is not complete, so a downgrade of microsandbox has not ended: resume it "
                                        "with `msb self downgrade` before anything is written to the home");
  EXPECT_EQ(*done.error().fact("path"), (runs() / "b/journal.json").string());
  EXPECT_EQ(*done.error().fact("actual"), "staged");
  write_journal("b", R"({"phase":"complete"})");
  EXPECT_OK(check());
}

TEST_F(DowngradesTest, WhatCannotBeUnderstoodIsUnfinished) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("{}"), std::string(R"({"phase":null})"),
        std::string(R"({"phase":1})"), std::string(R"({"phase":"Complete"})"),
        R"({"phase":"complete"})" + std::string(size_t{4} << 20, ' ')}) {
    write_journal("a", text);
    EXPECT_STATUS(Status::database, check()) << text.substr(0, 40);
  }
  stdfs::remove(runs() / "a/journal.json");
  const Done missing = check();
  ASSERT_STATUS(Status::database, missing);
  EXPECT_NE(missing.error().message().find("a/journal.json is missing"), std::string::npos);
  stdfs::create_directory(runs() / "a/journal.json");
  EXPECT_STATUS(Status::database, check());
}

/// As microsandbox 0.6.14 and 0.6.18 have been seen to do it.
TEST_F(DowngradesTest, FilesLinksAndWhatIsHiddenAreNoDowngrades) {
  stdfs::create_directories(runs() / ".removed");
  stdfs::create_directory(home_ / "elsewhere");
  stdfs::create_directory_symlink(home_ / "elsewhere", runs() / "link");
  std::ofstream(runs() / "file") << "text";
  EXPECT_OK(check());
  stdfs::remove_all(runs());
  stdfs::create_directory(home_ / "elsewhere/run");
  stdfs::create_directory_symlink(home_ / "elsewhere", runs());
  EXPECT_STATUS(Status::database, check());
  stdfs::remove(runs());
  std::ofstream(runs()) << "text";
  EXPECT_STATUS(Status::io, check());
}

TEST_F(DowngradesTest, AHomeIsReadAndNotWrittenMeanwhile) {
  const auto open = [&] { return Database::open(os::real_fs(), directory(), {}, call_); };
  const auto write = [&](Database& database) {
    return database.write(call_, [](Transaction& transaction) {
      return transaction.execute("INSERT INTO layer (diff_id, blob_digest) VALUES (hex(randomblob(8)), '')");
    });
  };
  const auto before = open();
  ASSERT_OK(before);
  EXPECT_OK(write(**before));
  write_journal("a", R"({"phase":"staged"})");
  EXPECT_STATUS(Status::database, write(**before));  // who has it open already, too
  EXPECT_STATUS(Status::database, (*before)->check_writable(call_));

  const auto meanwhile = open();
  ASSERT_OK(meanwhile);
  EXPECT_FALSE((*meanwhile)->opened_for_writing());
  const Done done = write(**meanwhile);
  ASSERT_STATUS(Status::database, done);
  EXPECT_NE(done.error().message().find("a/journal.json is not complete"), std::string::npos);
  EXPECT_OK((*meanwhile)->schema(call_));

  write_journal("a", R"({"phase":"complete"})");
  EXPECT_OK(write(**before));
  EXPECT_STATUS(Status::database, write(**meanwhile));  // it has been opened for reading
  const auto after = open();
  ASSERT_OK(after);
  EXPECT_OK(write(**after));
}

TEST_F(DowngradesTest, NoDatabaseIsMadeMeanwhile) {
  write_journal("a", "");
  const auto database = Database::open(os::real_fs(), directory(), {}, call_);
  ASSERT_OK(database);
  EXPECT_FALSE((*database)->opened_for_writing());
  EXPECT_STATUS(Status::database, (*database)->check_writable(call_));
  EXPECT_FALSE(stdfs::exists(directory() + "/msb.db"));
  EXPECT_FALSE(stdfs::exists(directory() + "/msb.db.migration.lock"));
}

}  // namespace
}  // namespace msb::index
