// Rows that keep images alive: sandboxes and indexed snapshots.

#include <array>

#include <gtest/gtest.h>

#include "index/sandboxes.h"
#include "index/snapshots.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::index {
namespace {

class UsersTest : public testing::Test {
 protected:
  void make(const std::string& sql) {
    database_.reset();
    std::filesystem::remove_all(home_ / "db");
    std::filesystem::create_directory(home_ / "db");
    const auto raw = Connection::open(home_ / "db/msb.db", Connection::Access::read_write);
    ASSERT_OK((*raw)->script(sql));
  }
  void open() {
    auto database = Database::open(os::real_fs(), home_ / "db", {}, call_);
    ASSERT_OK(database);
    database_ = std::move(*database);
  }
  void add_sandbox(const std::string& name, const std::string& config) {
    ASSERT_OK(database_->write(call_, [&](Transaction& t) {
      return t.execute("INSERT INTO sandbox (name, config, status) VALUES (?, ?, 'Stopped')", {name, config});
    }));
  }
  SandboxRow only_sandbox() {
    const auto sandboxes = database_->read(call_, list_sandboxes);
    EXPECT_OK(sandboxes);
    EXPECT_EQ(sandboxes->size(), 1U);
    return sandboxes->at(0);
  }

  test::TempDir home_;
  const Call call_;
  std::unique_ptr<Database> database_;
};

TEST_F(UsersTest, SandboxPinsWhatItsConfigurationSays) {
  open();
  add_sandbox("s",
              R"({"image":{"Oci":{"reference":"app:1","future":[{}]}},"manifest_digest":"m1","extra":{"a":[1.5]}})");
  const SandboxRow sandbox = only_sandbox();
  EXPECT_EQ(sandbox.name, "s");
  EXPECT_EQ(sandbox.status, "Stopped");
  EXPECT_EQ(sandbox.image_reference, "app:1");
  EXPECT_EQ(sandbox.manifest_digests, Strings{"m1"});
  EXPECT_TRUE(sandbox.readable);
}

TEST_F(UsersTest, SandboxPinsWhatItBootedFromAndWhatRuns) {
  open();
  const auto raw = Connection::open(home_ / "db/msb.db", Connection::Access::read_write);
  ASSERT_OK((*raw)->script("ALTER TABLE sandbox ADD COLUMN active_config text"));
  add_sandbox("s", R"({"manifest_digest":"m1"})");
  ASSERT_OK((*raw)->script(R"(UPDATE sandbox SET active_config = '{"manifest_digest":"m2"}';
                              INSERT INTO manifest (id, digest) VALUES (5, 'm3');
                              INSERT INTO sandbox_rootfs (sandbox_id, manifest_id, mode) VALUES (1, 5, 'erofs'))"));
  EXPECT_EQ(only_sandbox().manifest_digests, (Strings{"m1", "m2", "m3"}));
}

TEST_F(UsersTest, SandboxWithoutAnImageNeedsNone) {
  open();
  add_sandbox("s", R"({"image":{"Bind":"/srv"},"manifest_digest":null})");
  const SandboxRow sandbox = only_sandbox();
  EXPECT_TRUE(sandbox.readable);
  EXPECT_FALSE(sandbox.image_reference);
  EXPECT_TRUE(sandbox.manifest_digests.empty());
}

TEST_F(UsersTest, OldReferencesAreTexts) {
  open();
  add_sandbox("s", R"({"image":{"Oci":"app:1"}})");
  EXPECT_EQ(only_sandbox().image_reference, "app:1");
}

TEST_F(UsersTest, UnreadableConfigurationIsSaidToBe) {
  for (const char* config : {"", "{", "[]", "7", R"({"manifest_digest":7})", R"({"a":1,"a":2})"}) {
    make("");
    open();
    add_sandbox("s", config);
    EXPECT_FALSE(only_sandbox().readable) << config;
  }
}

TEST_F(UsersTest, DatabaseWithoutTheTablesHasNone) {
  make("CREATE TABLE image_ref (id integer)");
  open();
  EXPECT_TRUE(database_->read(call_, list_sandboxes)->empty());
  EXPECT_TRUE(database_->read(call_, list_snapshots)->empty());
}

TEST_F(UsersTest, EveryReleaseIsRead) {
  for (const std::string release : {"0.5.7", "0.6.2", "0.6.14", "migrated-0.6.6-to-0.6.14", "0.6.18", "0.7.2"}) {
    SCOPED_TRACE(release);
    make(test::read_file(test::upstream_path("snapshots/" + release + "/msb.db.sql")));
    open();
    const auto sandboxes = database_->read(call_, list_sandboxes);
    ASSERT_OK(sandboxes);
    ASSERT_EQ(sandboxes->size(), 2U);
    EXPECT_EQ((*sandboxes)[0].name, "base-nl");
    EXPECT_EQ((*sandboxes)[0].image_reference, "127.0.0.1:5050/fix/tiny:nl");
    EXPECT_EQ((*sandboxes)[1].name, "base1");
    EXPECT_EQ((*sandboxes)[1].manifest_digests,
              Strings{"sha256:f663734e64e79201a49e7dc44376f8828c6a5df65b47dc4d46dac7e5cd0ab5ef"});
    EXPECT_TRUE((*sandboxes)[1].readable);
    EXPECT_TRUE((*sandboxes)[1].created_at);

    const auto snapshots = database_->read(call_, list_snapshots);
    ASSERT_OK(snapshots);
    EXPECT_GE(snapshots->size(), 5U);
    bool found = false;
    for (const SnapshotRow& snapshot : *snapshots) {
      EXPECT_TRUE(snapshot.created_at);
      EXPECT_EQ(snapshot.artifact_path.substr(0, 23), "/opt/msbhome/snapshots/");
      if (snapshot.name != "nlimg") continue;
      found = true;
      EXPECT_EQ(snapshot.image_manifest_digest,
                "sha256:91b35cf3e86c366fc252483d4c3b3ca953b71324dfb4d54ed5c9074bdca21243");
      EXPECT_EQ(snapshot.image_reference, "127.0.0.1:5050/fix/tiny:nl");
      EXPECT_EQ(snapshot.size, 83886080U);
    }
    EXPECT_TRUE(found);
  }
}

}  // namespace
}  // namespace msb::index
