#include <unistd.h>

#include <sys/wait.h>

#include "cache_home.h"
#include "image/lease.h"
#include "image/recover.h"
#include "os/publish.h"

namespace msb::image {
namespace {

using test::CacheHome;

class RecoverTest : public testing::Test {
 protected:
  RecoverTest() { home_.add_image("one", "M1", {"a"}); }

  uint32_t repaired(Thoroughness thoroughness) {
    auto count = recover(home_.context(), thoroughness, home_.call());
    EXPECT_OK(count);
    return count ? *count : 0;
  }
  /// A process that stages something in the cache and is killed at it.
  void die_at_work(bool with_lease) {
    const pid_t child = fork();
    if (child == 0) {
      std::optional<Lease> lease;
      if (with_lease) lease = std::move(*Lease::take(home_.context(), home_.call()));
      const auto staged = os::StagedFile::create(os::real_fs(), home_.paths().layers());
      _exit(staged ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }

  CacheHome home_;
};

TEST_F(RecoverTest, CheapLookTidiesUpAfterADeadWorker) {
  const auto files = home_.files();
  die_at_work(true);
  EXPECT_EQ(home_.files().size(), files.size() + 1);
  EXPECT_EQ(repaired(Thoroughness::cheap), 2U) << "its lease and its file";
  EXPECT_EQ(home_.files(), files);
  EXPECT_EQ(repaired(Thoroughness::cheap), 0U);
}

TEST_F(RecoverTest, LivingWorkersAreLeftAlone) {
  auto lease = Lease::take(home_.context(), home_.call());
  ASSERT_OK(lease);
  auto staged = os::StagedFile::create(os::real_fs(), home_.paths().layers());
  ASSERT_OK(staged);
  const auto files = home_.files();
  EXPECT_EQ(repaired(Thoroughness::full), 0U);
  EXPECT_EQ(home_.files(), files);
}

TEST_F(RecoverTest, FullLookNeedsNoLeaseAndGoesBeyondTheCache) {
  const auto files = home_.files();
  die_at_work(false);
  std::filesystem::create_directories(home_.path("snapshots/.trash-0123456789abcdef/upper"));
  std::filesystem::create_directories(home_.path("sandboxes/.staging-0123456789abcdef"));
  EXPECT_EQ(repaired(Thoroughness::cheap), 0U);
  EXPECT_EQ(repaired(Thoroughness::full), 3U);
  EXPECT_EQ(home_.files(), files);
  EXPECT_TRUE(std::filesystem::is_empty(home_.path("snapshots")));
}

TEST_F(RecoverTest, FilesOfMicrosandboxGoWhenTheyAreOldAndTheirLocksFree) {
  home_.write(home_.path("cache/tmp/sha256_aa.part"), 10);
  home_.write(home_.path("cache/tmp/sha256_bb.part"), 10);
  EXPECT_EQ(repaired(Thoroughness::full), 0U) << "younger than an hour";
  home_.age();
  auto downloading = os::FileLock::acquire(os::real_fs(), home_.path("cache/tmp/sha256_bb.download.lock"),
                                           os::LockMode::exclusive, home_.call());
  ASSERT_OK(downloading);
  EXPECT_EQ(repaired(Thoroughness::full), 1U);
  EXPECT_FALSE(std::filesystem::exists(home_.path("cache/tmp/sha256_aa.part")));
  EXPECT_TRUE(std::filesystem::exists(home_.path("cache/tmp/sha256_bb.part")));
}

TEST_F(RecoverTest, RemovalThatWasCutOffBetweenRowsAndFilesIsFinished) {
  home_.change([](index::Transaction& transaction) { return transaction.execute("DELETE FROM manifest"); });
  home_.change([](index::Transaction& transaction) { return transaction.execute("DELETE FROM layer"); });
  home_.age();
  EXPECT_EQ(repaired(Thoroughness::full), 4U);
  EXPECT_EQ(home_.files(), (std::set<std::string>()));
}

TEST_F(RecoverTest, ImagesAndDamagedLayersAreNoLeftovers) {
  home_.change([](index::Transaction& transaction) { return transaction.execute("DELETE FROM image_ref"); });
  home_.write(home_.path("cache/layers/x.erofs.corrupt-0000"), 10);
  home_.age();
  home_.write_document("one", "M1", {"a"});
  EXPECT_EQ(repaired(Thoroughness::full), 0U);
  EXPECT_TRUE(home_.has_image("M1"));
}

}  // namespace
}  // namespace msb::image
