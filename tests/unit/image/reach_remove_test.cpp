#include "cache_home.h"
#include "image/collect.h"
#include "image/lease.h"
#include "image/prune.h"
#include "image/remove.h"

namespace msb::image {
namespace {

using test::CacheHome;

class RemoveTest : public testing::Test {
 protected:
  RemoveTest() {
    home_.add_image("one", "M1", {"base", "a"});
    home_.add_image("two:1", "M2", {"base", "b"});
  }
  Done take(const std::string& reference, bool force = false) {
    return remove(home_.context(), reference, force, home_.call());
  }

  CacheHome home_;
};

TEST_F(RemoveTest, LastReferenceTakesRowsAndFilesAlongAtOnce) {
  ASSERT_OK(take("one"));
  EXPECT_FALSE(home_.has_image("M1"));
  EXPECT_FALSE(home_.has_layer("a"));
  EXPECT_FALSE(home_.has_document("one"));
  EXPECT_TRUE(home_.has_layer("base"));
  EXPECT_TRUE(home_.has_image("M2"));
  EXPECT_TRUE(home_.has_document("two:1"));
  EXPECT_EQ(home_.count("manifest"), 1);
  EXPECT_EQ(home_.count("config"), 1);
  EXPECT_EQ(home_.count("layer"), 2);
  ASSERT_OK(take("two:1"));
  EXPECT_EQ(home_.files(), (std::set<std::string>()));
  for (const char* table : {"manifest", "config", "layer", "manifest_layer", "image_ref"})
    EXPECT_EQ(home_.count(table), 0);
}

TEST_F(RemoveTest, LockFilesStay) {
  ASSERT_OK(take("one"));
  EXPECT_TRUE(std::filesystem::exists(home_.paths().layer_lock(CacheHome::safe("a"))));
}

TEST_F(RemoveTest, FindsTheReferenceByItsFullForm) {
  ASSERT_OK(take("docker.io/library/one:latest"));
  EXPECT_FALSE(home_.has_image("M1"));
}

TEST_F(RemoveTest, FindsTheReferenceByItsDigest) {
  const std::string one = CacheHome::digest("M1").text();
  const std::string two = CacheHome::digest("M2").text();
  EXPECT_STATUS(Status::image_not_found, take("one@" + two));
  EXPECT_STATUS(Status::image_not_found, take("example.com/one@" + one));
  EXPECT_STATUS(Status::image_not_found, take(CacheHome::digest("M3").text()));
  ASSERT_OK(take("two@" + two));
  EXPECT_FALSE(home_.has_image("M2"));
  home_.add_image("other:1", "M1", {"base", "a"});
  EXPECT_STATUS(Status::invalid_argument, take(one)) << "which of the two?";
  EXPECT_TRUE(home_.has_image("M1"));
  ASSERT_OK(take("other:2@" + one));
  ASSERT_OK(take(one));
  EXPECT_FALSE(home_.has_image("M1"));
}

TEST_F(RemoveTest, ExactSpellingComesFirstAndOthersSurvive) {
  home_.add_image("docker.io/library/one:latest", "M1", {"base", "a"});
  ASSERT_OK(take("docker.io/library/one:latest"));
  EXPECT_TRUE(home_.has_image("M1"));
  EXPECT_TRUE(home_.has_document("one")) << "both spellings share it";
  ASSERT_OK(take("docker.io/library/one:latest")) << "now it means the other spelling";
  EXPECT_FALSE(home_.has_image("M1"));
  EXPECT_FALSE(home_.has_document("one"));
}

TEST_F(RemoveTest, DocumentGoesWithItsReferenceWhileTheImageStays) {
  home_.add_image("other:1", "M1", {"base", "a"});
  ASSERT_OK(take("one"));
  EXPECT_TRUE(home_.has_image("M1"));
  EXPECT_FALSE(home_.has_document("one"));
  EXPECT_TRUE(home_.has_document("other:1"));
}

TEST_F(RemoveTest, UnknownAndMalformedReferences) {
  EXPECT_STATUS(Status::image_not_found, take("three"));
  EXPECT_STATUS(Status::invalid_argument, take("not a reference"));
  EXPECT_STATUS(Status::invalid_argument, take(""));
}

TEST_F(RemoveTest, StoredTextThatIsNoReferenceCanStillBeRemoved) {
  home_.add_rows("NOT a reference", "M1", {"base", "a"});
  ASSERT_OK(take("NOT a reference"));
  EXPECT_EQ(home_.count("image_ref"), 2);
}

TEST_F(RemoveTest, SandboxesStopItByName) {
  home_.add_sandbox("web", "M1", true);
  home_.add_sandbox("api", "M1", false);
  home_.add_sandbox("db", "M2", true);
  auto refused = take("one");
  EXPECT_STATUS(Status::image_in_use, refused);
  EXPECT_EQ(refused.error().message(), "image in use by sandbox(es): api, web");
  ASSERT_NE(refused.error().fact("sandboxes"), nullptr);
  EXPECT_EQ(*refused.error().fact("sandboxes"), "api, web");
  EXPECT_EQ(home_.count("image_ref"), 2);
  EXPECT_TRUE(home_.has_image("M1"));
}

TEST_F(RemoveTest, AnotherReferenceKeepsTheImageOfASandbox) {
  home_.add_image("other:1", "M1", {"base", "a"});
  home_.add_sandbox("web", "M1", true);
  EXPECT_OK(take("one"));
  EXPECT_STATUS(Status::image_in_use, take("other:1"));
}

TEST_F(RemoveTest, ForcedRemovalKeepsWhatTheSandboxNeedsUntilItGoes) {
  for (const bool booted : {true, false}) {
    SCOPED_TRACE(booted);
    home_.add_image("one", "M1", {"base", "a"});
    home_.add_sandbox("web", "M1", booted);
    ASSERT_OK(take("one", true));
    EXPECT_EQ(home_.count("image_ref"), 1);
    EXPECT_EQ(home_.count("manifest"), 2);
    EXPECT_TRUE(home_.has_image("M1"));
    EXPECT_TRUE(home_.has_layer("a"));
    EXPECT_TRUE(home_.has_document("one")) << "the sandbox finds the image by it";
    ASSERT_OK(gc(home_.context(), home_.call()));
    EXPECT_TRUE(home_.has_image("M1"));

    home_.remove_sandbox("web");
    auto collected = gc(home_.context(), home_.call());
    ASSERT_OK(collected);
    EXPECT_EQ(*collected, 5U) << "manifest, layer, fsmeta, VMDK and document";
    EXPECT_FALSE(home_.has_image("M1"));
    EXPECT_FALSE(home_.has_layer("a"));
    EXPECT_FALSE(home_.has_document("one"));
    EXPECT_TRUE(home_.has_layer("base"));
  }
}

TEST_F(RemoveTest, SnapshotsDoNotStopItButKeepTheirFiles) {
  home_.add_artifact("snap", "snapshot.json", "M1");
  ASSERT_OK(take("one"));
  EXPECT_TRUE(home_.has_image("M1"));
  EXPECT_TRUE(home_.has_layer("a"));
  EXPECT_TRUE(home_.has_document("one"));
  EXPECT_STATUS(Status::image_not_found, take("one"));
  std::filesystem::remove_all(home_.path("snapshots/snap"));
  ASSERT_OK(prune(home_.context(), {}, home_.call()));
  EXPECT_EQ(home_.files(), (std::set<std::string>()));
}

TEST_F(RemoveTest, WorkInFlightKeepsWhatItNames) {
  auto lease = Lease::take(home_.context(), home_.call());
  ASSERT_OK(lease);
  ASSERT_OK(lease->add(CacheHome::digest("a"), home_.call()));
  ASSERT_OK(take("one"));
  EXPECT_TRUE(home_.has_layer("a"));
  EXPECT_FALSE(home_.has_image("M1"));
}

TEST_F(RemoveTest, FileThatIsBeingWrittenIsLeftToItsWriter) {
  auto writer = os::FileLock::acquire(os::real_fs(), home_.paths().layer_lock(CacheHome::safe("a")),
                                      os::LockMode::exclusive, home_.call());
  ASSERT_OK(writer);
  ASSERT_OK(take("one"));
  EXPECT_TRUE(home_.has_layer("a"));
  writer->release();
  home_.age();
  ASSERT_OK(gc(home_.context(), home_.call()));
  EXPECT_FALSE(home_.has_layer("a"));
}

TEST_F(RemoveTest, ReferenceWhoseManifestRowIsGone) {
  home_.change([](index::Transaction& transaction) -> Done {
    MSB_CHECK(transaction.execute("CREATE TABLE copy AS SELECT * FROM image_ref"));
    MSB_CHECK(transaction.execute("DELETE FROM manifest"));
    MSB_CHECK(transaction.execute("DROP TABLE image_ref"));
    return transaction.execute("ALTER TABLE copy RENAME TO image_ref");
  });
  ASSERT_OK(take("one"));
  EXPECT_EQ(home_.count("image_ref"), 1);
  auto report = prune(home_.context(), {}, home_.call());
  ASSERT_OK(report);
  EXPECT_EQ(report->references, 1U);
  EXPECT_EQ(home_.count("image_ref"), 0);
}

}  // namespace
}  // namespace msb::image
