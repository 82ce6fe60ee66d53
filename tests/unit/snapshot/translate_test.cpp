#include "snapshot/translate.h"

#include <gtest/gtest.h>

#include "index/translations.h"
#include "snapshot/hash_file.h"
#include "snapshot/query.h"
#include "snapshot/reference.h"
#include "snapshot/verify.h"
#include "support/fault_fs.h"
#include "support/snapshot_home.h"

namespace msb::snapshot {
namespace {

using test::Fault;
using test::FaultFs;
using test::SnapshotHome;

/// A home that microsandbox 0.6.14 has taken over, with three generations of ours that it could not translate, and
/// another snapshot that it has not seen yet.
class TranslateTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto dump = test::upstream_path("snapshots/0.6.14/msb.db.sql");
    home_.emplace();
    home_->replace_database(test::read_file(dump));
    home_->change([](index::Transaction& transaction) -> Done {
      MSB_CHECK(transaction.execute("DELETE FROM snapshot_index"));
      return transaction.execute("DELETE FROM snapshot_artifact_migration");
    });
    ours_ = home_->add("snapshots/z-ours", [](Descriptor& descriptor) { add_merkle(descriptor); });
    child_ = home_->add("snapshots/m-child", [&](Descriptor& descriptor) { descriptor.parent = ours_; });
    grandchild_ = home_->add("snapshots/a-grandchild", [&](Descriptor& descriptor) {
      descriptor.parent = child_;
      add_merkle(descriptor);
    });
    theirs_ = home_->add("snapshots/theirs");
    for (const char* name : {"z-ours", "m-child", "a-grandchild"}) block(name);
  }

  static void add_merkle(Descriptor& descriptor) {
    ContentHash hash(Algorithm::merkle, 4096);
    hash.update(as_bytes(test::dense4k()));
    descriptor.integrity = Integrity{std::string(algorithm_name(Algorithm::merkle)), hash.digest().text(), 0, 0};
  }
  void block(const std::string& name) {
    home_->change([&](index::Transaction& transaction) {
      return transaction.execute(
          "INSERT INTO snapshot_artifact_migration (kind, artifact_path, phase, attempts, error_code, discovered_at,"
          " updated_at) VALUES ('v0.6.6-manifest-to-snapshot-v1', ?, 'discovered', 2, 'legacy_descriptor_malformed',"
          " '2026-11-21 06:00:00', '2026-11-21 06:00:00')",
          {home_->snapshot(name)});
    });
  }
  void reopen(const std::string& name) {
    home_->change([&](index::Transaction& transaction) {
      return transaction.execute("UPDATE snapshot_artifact_migration SET phase = 'discovered' WHERE artifact_path = ?",
                                 {home_->snapshot(name)});
    });
  }
  void expect_translated() {
    for (const char* name : {"z-ours", "m-child", "a-grandchild"}) {
      const auto artifact = open_artifact(os::real_fs(), home_->snapshot(name));
      ASSERT_OK(artifact);
      EXPECT_EQ(artifact->descriptor.form, Form::snapshot);
      EXPECT_OK(verify(os::real_fs(), *artifact, 1, home_->call()));
      EXPECT_EQ(
          home_->names("snapshots/" + std::string(name)),
          (std::set<std::string>{".manifest.json.legacy", ".snapshot-migration.lock", "snapshot.json", "upper.ext4"}));
      EXPECT_EQ(get(home_->context(), name, home_->call())->digest, artifact->digest.text());
    }
  }

  std::optional<SnapshotHome> home_;
  std::string ours_, child_, grandchild_, theirs_;
};

TEST_F(TranslateTest, FamiliesAreRewrittenFromTheTop) {
  const auto count = translate(home_->context(), home_->call());
  ASSERT_OK(count);
  EXPECT_EQ(*count, 3U);
  expect_translated();
  const auto ours = get(home_->context(), "z-ours", home_->call());
  const auto child = get(home_->context(), "m-child", home_->call());
  const auto grandchild = get(home_->context(), "a-grandchild", home_->call());
  EXPECT_EQ(child->parent_digest, ours->digest);
  EXPECT_EQ(grandchild->parent_digest, child->digest);
  EXPECT_EQ(ours->child_count, 1U);
  EXPECT_EQ(*translate(home_->context(), home_->call()), 0U);
  EXPECT_FALSE(std::filesystem::exists(home_->snapshot("theirs/snapshot.json")));
  EXPECT_TRUE(home_->warnings().empty());
}

TEST_F(TranslateTest, OldDigestsStillFindThem) {
  ASSERT_OK(translate(home_->context(), home_->call()));
  EXPECT_EQ(*resolve(home_->context(), ours_, home_->call()), home_->snapshot("z-ours"));
  EXPECT_EQ(get(home_->context(), child_, home_->call())->name, "m-child");
  EXPECT_EQ(open(home_->context(), grandchild_, home_->call())->path, home_->snapshot("a-grandchild"));
}

TEST_F(TranslateTest, WhatLaterReleasesHaveNoPlaceForStays) {
  const std::string odd = home_->add("snapshots/odd", [](Descriptor& descriptor) {
    add_merkle(descriptor);
    descriptor.created_at = "yesterday";
  });
  const std::string lost = home_->add("snapshots/lost", add_merkle);
  std::filesystem::remove(home_->snapshot("lost/upper.ext4"));
  home_->add("snapshots/waits", [&](Descriptor& descriptor) { descriptor.parent = odd; });
  block("waits");
  block("odd");
  block("lost");
  block("gone");
  EXPECT_EQ(*translate(home_->context(), home_->call()), 3U);
  EXPECT_EQ(home_->warnings().size(), 3U) << "one of them for the child of the one that stays";
  EXPECT_FALSE(std::filesystem::exists(home_->snapshot("waits/snapshot.json")));
  EXPECT_EQ(open(home_->context(), odd, home_->call())->descriptor.form, Form::manifest);
  EXPECT_TRUE(std::filesystem::exists(home_->snapshot("lost/manifest.json")));
}

TEST_F(TranslateTest, CanBeInterruptedAnywhere) {
  for (const Fault fault : {Fault::fail, Fault::crash_after}) {
    for (unsigned at = 1;; ++at) {
      SCOPED_TRACE("operation " + std::to_string(at));
      SetUp();
      FaultFs faulty(fault, at);
      home_->use(faulty);
      (void)translate(home_->context(), home_->call());
      const bool reached = faulty.reached();
      home_->use(os::real_fs());
      for (const char* name : {"z-ours", "m-child", "a-grandchild"}) {
        EXPECT_OK(open_artifact(os::real_fs(), home_->snapshot(name)));
        // As the owner does when it next starts and finds a manifest.
        if (std::filesystem::exists(home_->snapshot(name) + "/manifest.json")) reopen(name);
      }
      ASSERT_OK(translate(home_->context(), home_->call()));
      expect_translated();
      if (!reached || HasFailure()) break;
    }
  }
}

}  // namespace
}  // namespace msb::snapshot
