#include "os/publish.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "os/dir.h"
#include "os/lock.h"
#include "support/fault_fs.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::os {
namespace {

using test::Fault;
using test::FaultFs;
using test::TempDir;

/// Every regular file below a directory, by relative path.
std::map<std::string, std::string> contents(const std::filesystem::path& root) {
  std::map<std::string, std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) found[entry.path().lexically_relative(root)] = test::read_file(entry.path());
  }
  return found;
}

Done stage_and_publish(Fs& fs, const TempDir& dir, const std::string& text, Existing existing) {
  MSB_TRY(StagedFile staged, StagedFile::create(fs, dir.path()));
  MSB_CHECK(staged.file().write_at(as_bytes(text), 0));
  return staged.publish(dir / "target", existing);
}

Result<Retired> stage_and_publish_dir(Fs& fs, const TempDir& dir, const std::string& text, Existing existing) {
  MSB_TRY(StagedDir staged, StagedDir::create(fs, dir.path()));
  for (const char* name : {"one", "two"}) {
    MSB_TRY(const File file, staged.create_file(name));
    MSB_CHECK(file.write_at(as_bytes(text), 0));
  }
  return staged.publish("target", existing);
}

TEST(StagedFile, AppearsUnderItsName) {
  const TempDir dir;
  EXPECT_OK(stage_and_publish(real_fs(), dir, "new", Existing::refuse));
  EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target", "new"}}));
}

TEST(StagedFile, GoesWhenNotPublished) {
  const TempDir dir;
  {
    auto staged = StagedFile::create(real_fs(), dir.path());
    ASSERT_OK(staged);
    EXPECT_EQ(contents(dir.path()).size(), 1U);
    const StagedFile moved = std::move(*staged);
    EXPECT_EQ(contents(dir.path()).size(), 1U);
  }
  EXPECT_TRUE(contents(dir.path()).empty());
}

TEST(StagedFile, RefusesOrReplacesWhatIsThere) {
  for (const bool flags : {true, false}) {
    const TempDir dir;
    FaultFs fs;
    fs.has_rename_flags = flags;
    test::write_text(dir / "target", "old");
    const Done refused = stage_and_publish(fs, dir, "new", Existing::refuse);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().os_code(), EEXIST);
    EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target", "old"}}));
    EXPECT_OK(stage_and_publish(fs, dir, "new", Existing::replace));
    EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target", "new"}}));
  }
}

TEST(StagedFile, SyncsFileThenRenamesThenSyncsDirectory) {
  const TempDir dir;
  FaultFs fs;
  ASSERT_OK(stage_and_publish(fs, dir, "new", Existing::refuse));
  ASSERT_EQ(fs.trace.size(), 4U);
  EXPECT_EQ(fs.trace[0].substr(0, 6), "create");
  EXPECT_EQ(fs.trace[1], "fsync");
  EXPECT_EQ(fs.trace[2].substr(0, 6), "rename");
  EXPECT_EQ(fs.trace[3], "fsync");
}

TEST(StagedFile, ManyTogetherSyncOnce) {
  for (const size_t count : {2, 20}) {
    const TempDir dir;
    FaultFs fs;
    std::vector<StagedFile> staged;
    for (size_t i = 0; i < count; ++i) {
      auto file = StagedFile::create(fs, dir.path());
      ASSERT_OK(file);
      staged.push_back(std::move(*file));
    }
    std::vector<Publication> publications;
    for (size_t i = 0; i < count; ++i) publications.push_back({&staged[i], dir / ("file-" + std::to_string(i))});
    EXPECT_OK(publish_all(publications, Existing::refuse));
    EXPECT_EQ(contents(dir.path()).size(), count);
    EXPECT_EQ(std::count(fs.trace.begin(), fs.trace.end(), "fsync"), count == 2 ? 3 : 1);
    EXPECT_EQ(std::count(fs.trace.begin(), fs.trace.end(), "syncfs"), count == 2 ? 0 : 1);
  }
}

TEST(StagedDir, AppearsWholeAndPrivate) {
  const TempDir dir;
  const auto published = stage_and_publish_dir(real_fs(), dir, "new", Existing::refuse);
  ASSERT_OK(published);
  EXPECT_FALSE(*published);
  EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target/one", "new"}, {"target/two", "new"}}));
  struct stat st {};
  ASSERT_EQ(::stat((dir / "target").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0700U);
}

TEST(StagedDir, SyncsFilesThenDirectoryThenRenamesThenSyncsRoot) {
  const TempDir dir;
  FaultFs fs;
  ASSERT_OK(stage_and_publish_dir(fs, dir, "new", Existing::refuse));
  ASSERT_EQ(fs.trace.size(), 8U);
  for (const size_t i : {3, 4, 5, 7}) EXPECT_EQ(fs.trace[i], "fsync");
  EXPECT_EQ(fs.trace[6].substr(0, 6), "rename");
}

TEST(StagedDir, RefusesOrReplacesWhatIsThere) {
  for (const bool flags : {true, false}) {
    const TempDir dir;
    FaultFs fs;
    fs.has_rename_flags = flags;
    std::filesystem::create_directory(dir / "target");
    test::write_text(dir / "target/old", "old");
    const auto refused = stage_and_publish_dir(fs, dir, "new", Existing::refuse);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().os_code(), EEXIST);
    EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target/old", "old"}}));

    const auto replaced = stage_and_publish_dir(fs, dir, "new", Existing::replace);
    ASSERT_OK(replaced);
    EXPECT_TRUE(*replaced);
    EXPECT_EQ(contents(dir.path()).size(), 3U);
    EXPECT_EQ(test::read_file(dir / "target/one"), "new");
    EXPECT_OK(replaced->remove(Call()));
    EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target/one", "new"}, {"target/two", "new"}}));
  }
}

/// Lets others change what has a name in the very moment in which it is exchanged.
class MeddlingFs final : public Fs {
 public:
  bool has_exchange = true;
  std::vector<std::function<void()>> meddle;  ///< what happens right before each exchange, in turn

  int rename(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) override {
    if (flags == RENAME_EXCHANGE && !has_exchange) return -EINVAL;
    const bool takes = flags == RENAME_EXCHANGE || std::string_view(to).starts_with(".swap-");
    if (takes && next_ < meddle.size()) meddle[next_++]();
    return Fs::rename(from_dir, from, to_dir, to, flags);
  }

 private:
  size_t next_ = 0;
};

/// Only what has a file "one" may be replaced.
Done only_ours(const File& occupant) {
  struct stat st {};
  const int found = real_fs().fstatat(occupant.fd(), "one", &st, 0);
  if (found == 0) return {};
  return Error(Status::snapshot_already_exists, occupant.path() + " stays");
}

Result<Retired> replace_judged(Fs& fs, const TempDir& dir, const std::string& text) {
  MSB_TRY(StagedDir staged, StagedDir::create(fs, dir.path()));
  for (const char* name : {"one", "two"}) {
    MSB_TRY(const File file, staged.create_file(name));
    MSB_CHECK(file.write_at(as_bytes(text), 0));
  }
  return staged.publish("target", Existing::replace, only_ours);
}

/// Takes the target away and puts a directory there that has only the file `name`.
void put_there(const TempDir& dir, const std::string& name) {
  std::filesystem::remove_all(dir / "target");
  std::filesystem::create_directory(dir / "target");
  test::write_text(dir / ("target/" + name), "theirs");
}

TEST(StagedDir, AsksAboutWhatIsThere) {
  const TempDir dir;
  put_there(dir, "precious");
  const auto refused = replace_judged(real_fs(), dir, "new");
  EXPECT_STATUS(Status::snapshot_already_exists, refused);
  EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target/precious", "theirs"}}));
}

TEST(StagedDir, AsksAboutWhatCameOutOfTheExchange) {
  for (const bool exchanges : {true, false}) {
    SCOPED_TRACE(exchanges);
    const TempDir dir;
    put_there(dir, "one");
    MeddlingFs fs;
    fs.has_exchange = exchanges;
    fs.meddle = {[&] { put_there(dir, "precious"); }};
    const auto refused = replace_judged(fs, dir, "new");
    EXPECT_STATUS(Status::snapshot_already_exists, refused);
    EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target/precious", "theirs"}}));
  }
}

TEST(StagedDir, ReplacesAnotherOneThatMayBeReplaced) {
  for (const bool exchanges : {true, false}) {
    SCOPED_TRACE(exchanges);
    const TempDir dir;
    put_there(dir, "one");
    MeddlingFs fs;
    fs.has_exchange = exchanges;
    fs.meddle = {[&] { put_there(dir, "one"); }};
    const auto replaced = replace_judged(fs, dir, "new");
    ASSERT_OK(replaced);
    EXPECT_OK(replaced->remove(Call()));
    EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target/one", "new"}, {"target/two", "new"}}));
  }
}

TEST(StagedDir, LosesNothingThatThreeWantToReplace) {
  const TempDir dir;
  put_there(dir, "one");
  MeddlingFs fs;
  fs.meddle = {[&] { put_there(dir, "precious"); },
               // Another publisher replaces ours before the foreign directory can be put back.
               [&] { put_there(dir, "one"); }};
  const auto refused = replace_judged(fs, dir, "new");
  EXPECT_STATUS(Status::io, refused);
  const auto left = contents(dir.path());
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left.count("target/one"), 1U);
  const std::string& kept = left.begin()->first;
  EXPECT_TRUE(kept.starts_with("target.displaced-")) << kept;
  EXPECT_EQ(base_name(kept), "precious");
}

TEST(StagedDir, GoesWhenNotPublished) {
  const TempDir dir;
  {
    const auto staged = StagedDir::create(real_fs(), dir.path());
    ASSERT_OK(staged);
    ASSERT_OK(staged->create_file("one"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(Retire, GoneAtOnceFreedLater) {
  const TempDir dir;
  ASSERT_OK(stage_and_publish_dir(real_fs(), dir, "old", Existing::refuse));
  const auto retired = retire(real_fs(), dir.path(), "target");
  ASSERT_OK(retired);
  EXPECT_FALSE(std::filesystem::exists(dir / "target"));
  EXPECT_FALSE(std::filesystem::is_empty(dir.path()));
  EXPECT_OK(retired->remove(Call()));
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  const auto again = retire(real_fs(), dir.path(), "target");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().os_code(), ENOENT);
}

TEST(Sweep, TakesWhatNobodyHoldsAndNothingElse) {
  const TempDir dir;
  const auto held_file = StagedFile::create(real_fs(), dir.path());
  const auto held_dir = StagedDir::create(real_fs(), dir.path());
  ASSERT_OK(held_file);
  ASSERT_OK(held_dir);
  test::write_text(dir / ".staging-0123456789abcdef", "");
  std::filesystem::create_directories(dir / ".trash-0123456789abcdef/deep/er");
  // Names of others, however alike, are not ours to remove.
  const std::vector<std::string> kept = {".staging-",
                                         ".staging-0123",
                                         ".staging-0123456789ABCDEF",
                                         "staging",
                                         ".trash-0123456789abcdefg",
                                         ".swap-0123456789abcdef",
                                         "target"};
  for (const auto& name : kept) test::write_text(dir / name, "");
  const auto swept = sweep_leftovers(real_fs(), dir.path(), Call());
  ASSERT_OK(swept);
  EXPECT_EQ(*swept, 2U);
  const auto open = open_dir(real_fs(), dir.path());
  EXPECT_EQ(list_dir(*open)->size(), kept.size() + 2);
}

TEST(Sweep, PutsBackWhatWasReplacedWithoutExchange) {
  const TempDir dir;
  std::filesystem::create_directory(dir / ".swap-0123456789abcdef-target");
  test::write_text(dir / ".swap-0123456789abcdef-target/old", "old");
  EXPECT_OK(sweep_leftovers(real_fs(), dir.path(), Call()));
  EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target/old", "old"}}));
  // With the name taken it is trash.
  std::filesystem::create_directory(dir / ".swap-0123456789abcdef-target");
  EXPECT_OK(sweep_leftovers(real_fs(), dir.path(), Call()));
  EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target/old", "old"}}));
  EXPECT_FALSE(std::filesystem::exists(dir / ".swap-0123456789abcdef-target"));
}

TEST(Sweep, StagingThatLosesToASweepStartsAgain) {
  // The sweep comes between the creation of the staging name and the lock on it.
  class SweepingFs final : public Fs {
   public:
    explicit SweepingFs(std::string root) : root_(std::move(root)) {}
    int flock(int fd, int operation) override {
      if (!swept_) {
        swept_ = true;
        EXPECT_OK(sweep_leftovers(real_fs(), root_, Call()));
      }
      return Fs::flock(fd, operation);
    }

   private:
    std::string root_;
    bool swept_ = false;
  };
  const TempDir dir;
  SweepingFs for_file(dir.path());
  EXPECT_OK(stage_and_publish(for_file, dir, "file", Existing::refuse));
  std::filesystem::remove(dir / "target");
  SweepingFs for_dir(dir.path());
  EXPECT_OK(stage_and_publish_dir(for_dir, dir, "dir", Existing::refuse));
  EXPECT_EQ(contents(dir.path()), (std::map<std::string, std::string>{{"target/one", "dir"}, {"target/two", "dir"}}));
}

// --- faults at every operation

using Scene = std::map<std::string, std::string>;
const Scene kOldFile = {{"target", "old"}};
const Scene kNewFile = {{"target", "new"}};
const Scene kOldDir = {{"target/one", "old"}, {"target/two", "old"}};
const Scene kNewDir = {{"target/one", "new"}, {"target/two", "new"}};

struct FaultCase {
  Fault fault;
  bool has_rename_flags;
};

class PublishUnderFaults : public testing::TestWithParam<FaultCase> {
 protected:
  /// Runs `act` on a fresh scene with the fault at N = 1, 2, 3, …. Afterwards a sweep must leave `before` or `after`,
  /// and `after` when `act` reported success.
  void run(const Scene& before, const Scene& after, const std::function<void(const TempDir&)>& prepare,
           const std::function<bool(Fs&, const TempDir&)>& act) {
    for (unsigned n = 1; n < 500; ++n) {
      const TempDir dir;
      prepare(dir);
      FaultFs fs(GetParam().fault, n);
      fs.has_rename_flags = GetParam().has_rename_flags;
      const bool succeeded = act(fs, dir);
      ASSERT_OK(sweep_leftovers(real_fs(), dir.path(), Call()));
      const Scene now = contents(dir.path());
      ASSERT_TRUE(now == after || (!succeeded && now == before)) << "fault at operation " << n << ", " << now.size();
      const auto open = open_dir(real_fs(), dir.path());
      ASSERT_LE(list_dir(*open)->size(), 1U) << "leftovers after a fault at operation " << n;
      if (!fs.reached()) {
        EXPECT_TRUE(succeeded);
        return;
      }
    }
    FAIL() << "no end";
  }
};

INSTANTIATE_TEST_SUITE_P(Faults, PublishUnderFaults,
                         testing::Values(FaultCase{Fault::fail, true}, FaultCase{Fault::crash, true},
                                         FaultCase{Fault::crash_after, true}, FaultCase{Fault::no_space, true},
                                         FaultCase{Fault::short_io, true}, FaultCase{Fault::fail, false},
                                         FaultCase{Fault::crash, false}, FaultCase{Fault::crash_after, false},
                                         FaultCase{Fault::no_space, false}));

TEST_P(PublishUnderFaults, NewFile) {
  run(
      {}, kNewFile, [](const TempDir&) {},
      [](Fs& fs, const TempDir& dir) { return stage_and_publish(fs, dir, "new", Existing::refuse).ok(); });
}

TEST_P(PublishUnderFaults, ReplacedFile) {
  run(
      kOldFile, kNewFile, [](const TempDir& dir) { test::write_text(dir / "target", "old"); },
      [](Fs& fs, const TempDir& dir) { return stage_and_publish(fs, dir, "new", Existing::replace).ok(); });
}

TEST_P(PublishUnderFaults, NewDirectory) {
  run(
      {}, kNewDir, [](const TempDir&) {},
      [](Fs& fs, const TempDir& dir) { return stage_and_publish_dir(fs, dir, "new", Existing::refuse).ok(); });
}

TEST_P(PublishUnderFaults, ReplacedDirectory) {
  run(
      kOldDir, kNewDir,
      [](const TempDir& dir) { ASSERT_OK(stage_and_publish_dir(real_fs(), dir, "old", Existing::refuse)); },
      [](Fs& fs, const TempDir& dir) {
        const auto replaced = stage_and_publish_dir(fs, dir, "new", Existing::replace);
        if (!replaced) return false;
        (void)replaced->remove(Call());
        return true;
      });
}

TEST_P(PublishUnderFaults, RetiredDirectory) {
  run(
      kOldDir, {},
      [](const TempDir& dir) { ASSERT_OK(stage_and_publish_dir(real_fs(), dir, "old", Existing::refuse)); },
      [](Fs& fs, const TempDir& dir) {
        const auto retired = retire(fs, dir.path(), "target");
        if (!retired) return false;
        (void)retired->remove(Call());
        return true;
      });
}

TEST_P(PublishUnderFaults, SweptLeftovers) {
  run(
      kOldDir, kOldDir,
      [](const TempDir& dir) {
        ASSERT_OK(stage_and_publish_dir(real_fs(), dir, "old", Existing::refuse));
        std::filesystem::create_directories(dir / ".staging-0123456789abcdef/deep");
        std::filesystem::rename(dir / "target", dir / ".swap-0123456789abcdef-target");
      },
      [](Fs& fs, const TempDir& dir) { return sweep_leftovers(fs, dir.path(), Call()).ok(); });
}

}  // namespace
}  // namespace msb::os
