// Directories that come from a lower layer of overlayfs: they cannot be renamed, and are removed and replaced all the
// same, whatever fails in between.
#include <map>

#include <gtest/gtest.h>

#include "os/dir.h"
#include "os/publish.h"
#include "support/fault_fs.h"
#include "support/filesystem_mount.h"
#include "support/fixtures.h"
#include "support/result.h"

namespace msb::os {
namespace {

using test::Fault;
using test::FaultFs;

using Scene = std::map<std::string, std::string>;
const Scene kOld = {{"target/one", "old"}, {"target/deep/two", "old"}};
const Scene kNew = {{"target/one", "new"}};

/// A directory whose "target" is in the lower layer.
class LowerLayer {
 public:
  LowerLayer() : mount_("overlay", 8) {
    if (!skip_reason().empty()) return;
    std::filesystem::create_directories(root() + "/target/deep");
    test::write_text(root() + "/target/one", "old");
    test::write_text(root() + "/target/deep/two", "old");
    EXPECT_TRUE(mount_.bake());
  }
  const std::string& skip_reason() const { return mount_.skip_reason(); }
  std::string root() const { return mount_.path() / "root"; }
  Scene scene() const {
    Scene found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root())) {
      const std::string name = entry.path().lexically_relative(root());
      if (entry.is_regular_file()) found[name] = test::read_file(entry.path());
    }
    return found;
  }
  size_t names() const { return list_dir(*open_dir(real_fs(), root()))->size(); }

 private:
  test::FilesystemMount mount_;
};

Result<Retired> replace(Fs& fs, const std::string& root) {
  MSB_TRY(StagedDir staged, StagedDir::create(fs, root));
  {
    MSB_TRY(const File file, staged.create_file("one"));
    MSB_CHECK(file.write_at(as_bytes("new"), 0));
  }
  return staged.publish("target", Existing::replace, [](const File&) { return Done(); });
}

TEST(LowerLayerTest, CannotBeRenamed) {
  const LowerLayer lower;
  if (!lower.skip_reason().empty()) GTEST_SKIP() << lower.skip_reason();
  const Done moved = move(real_fs(), lower.root(), "target", "elsewhere");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().os_code(), EXDEV);
  std::filesystem::create_directory(lower.root() + "/other");
  const auto exchanged = exchange(real_fs(), lower.root(), "other", "target");
  ASSERT_OK(exchanged);
  EXPECT_FALSE(*exchanged);
  EXPECT_EQ(lower.scene(), kOld);
}

TEST(LowerLayerTest, RetiresWhereItIs) {
  const LowerLayer lower;
  if (!lower.skip_reason().empty()) GTEST_SKIP() << lower.skip_reason();
  auto retired = retire(real_fs(), lower.root(), "target");
  ASSERT_OK(retired);
  {
    const auto dir = open_dir(real_fs(), lower.root() + "/target");
    ASSERT_OK(dir);
    EXPECT_TRUE(*is_retired(*dir));
    EXPECT_TRUE(*retired->leads_to(*dir));
    ASSERT_OK(retired->put_back("target"));
    EXPECT_FALSE(*is_retired(*dir));
  }
  EXPECT_EQ(lower.scene(), kOld);
  retired = retire(real_fs(), lower.root(), "target");
  ASSERT_OK(retired);
  EXPECT_EQ(*find_leftovers(real_fs(), lower.root(), Call()), std::vector<std::string>{"target"});
  EXPECT_OK(retired->remove(Call()));
  EXPECT_EQ(lower.names(), 0U);
}

TEST(LowerLayerTest, ReplacedOnlyByLeave) {
  const LowerLayer lower;
  if (!lower.skip_reason().empty()) GTEST_SKIP() << lower.skip_reason();
  auto staged = StagedDir::create(real_fs(), lower.root());
  ASSERT_OK(staged);
  EXPECT_STATUS(Status::busy, staged->publish("target", Existing::replace,
                                              [](const File&) -> Done { return Error(Status::busy, "not now"); }));
  EXPECT_EQ(lower.scene(), kOld);
}

class LowerLayerUnderFaults : public testing::TestWithParam<Fault> {
 protected:
  template <typename Act>
  void run(const Scene& after, Act act) {
    for (unsigned n = 1; n < 500; ++n) {
      const LowerLayer lower;
      if (!lower.skip_reason().empty()) GTEST_SKIP() << lower.skip_reason();
      FaultFs fs(GetParam(), n);
      const bool succeeded = act(fs, lower.root());
      ASSERT_OK(sweep_leftovers(real_fs(), lower.root(), Call()));
      const Scene now = lower.scene();
      ASSERT_TRUE(now == after || (!succeeded && now == kOld)) << "fault at operation " << n << ", " << now.size();
      ASSERT_LE(lower.names(), 1U) << "leftovers after a fault at operation " << n;
      if (!fs.reached()) {
        EXPECT_TRUE(succeeded);
        return;
      }
    }
    FAIL() << "no end";
  }
};

INSTANTIATE_TEST_SUITE_P(Faults, LowerLayerUnderFaults,
                         testing::Values(Fault::fail, Fault::crash, Fault::crash_after, Fault::no_space));

TEST_P(LowerLayerUnderFaults, Replaced) {
  run(kNew, [](Fs& fs, const std::string& root) {
    const auto replaced = replace(fs, root);
    if (!replaced) return false;
    (void)replaced->remove(Call());
    return true;
  });
}

TEST_P(LowerLayerUnderFaults, Retired) {
  run({}, [](Fs& fs, const std::string& root) {
    const auto retired = retire(fs, root, "target");
    if (!retired) return false;
    (void)retired->remove(Call());
    return true;
  });
}

}  // namespace
}  // namespace msb::os
