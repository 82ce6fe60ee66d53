#include "snapshot/reference.h"

#include "snapshot/directory.h"
#include "support/snapshot_home.h"

namespace msb::snapshot {
namespace {

using test::SnapshotHome;

void index(SnapshotHome& home, const std::string& digest, const std::string& path,
           const std::optional<std::string>& name) {
  home.change([&](index::Transaction& transaction) {
    index::SnapshotRecord record;
    record.digest = digest;
    record.name = name;
    record.artifact_path = path;
    return index::upsert_snapshot(transaction, record);
  });
}

TEST(ReferenceTest, KindIsSeenFromTheText) {
  EXPECT_EQ(ref_kind(""), RefKind::none);
  EXPECT_EQ(ref_kind("base"), RefKind::name);
  EXPECT_EQ(ref_kind("base:1"), RefKind::name);
  EXPECT_EQ(ref_kind("-x"), RefKind::name);
  EXPECT_EQ(ref_kind("a/b"), RefKind::path);
  EXPECT_EQ(ref_kind("/a"), RefKind::path);
  EXPECT_EQ(ref_kind("."), RefKind::path);
  EXPECT_EQ(ref_kind(".hidden"), RefKind::path);
  EXPECT_EQ(ref_kind("~"), RefKind::path);
  EXPECT_EQ(ref_kind("sha256:"), RefKind::digest);
  EXPECT_EQ(ref_kind("sha512:abc/d"), RefKind::digest);
  EXPECT_EQ(ref_kind("sha256"), RefKind::name);
}

TEST(ReferenceTest, NamesOfNewSnapshotsAreRestricted) {
  for (const char* good : {"a", "base 1", "1.2_3-x", "schnappschuß", "スナップ", "a.", "a~b"}) {
    EXPECT_OK(check_name(good));
  }
  EXPECT_OK(check_name(std::string(246, 'a')));
  for (const std::string& bad :
       {std::string(), std::string(247, 'a'), std::string(300, 'a'), std::string("a/b"), std::string("a\\b"),
        std::string("a:b"), std::string(".a"), std::string("~a"), std::string("-a"), std::string("a\nb"),
        std::string("a\x7f"), std::string("\x01"), std::string("..")}) {
    EXPECT_STATUS(Status::invalid_config, check_name(bad));
  }
  EXPECT_STATUS(Status::invalid_argument, check_name("\xff"));
}

TEST(ReferenceTest, NamesThatOthersSuggestAreOneWordToEveryShell) {
  for (const char* good : {"a", "1.2_3-x", "schnappschuß", "スナップ", "a.", "v1+b2", "a@b", "50%"}) {
    EXPECT_TRUE(is_harmless_name(good)) << good;
  }
  for (const char c : std::string_view(" !\"#$&'()*;<=>?[]^`{|}~")) {
    const std::string name = std::string("a") + c + "b";
    EXPECT_OK(check_name(name));
    EXPECT_FALSE(is_harmless_name(name)) << name;
  }
  for (const char* bad : {"", "a\nb", "a\xC2\x85", "a\xE2\x80\xA8",
                          "a\xE2\x80\xAE"
                          "b",
                          "a\xE2\x81\xA6", "\xff"}) {
    EXPECT_FALSE(is_harmless_name(bad)) << bad;
  }
}

TEST(ReferenceTest, MessagesAreThoseOfTheOriginal) {
  const SnapshotHome home;
  EXPECT_EQ(check_name("").error().message(), "invalid config: snapshot name must not be empty");
  EXPECT_EQ(check_name("a/b").error().message(),
            "invalid config: snapshot name must be a bare identifier, not a path: 'a/b'");
  EXPECT_EQ(resolve(home.context(), "none", home.call()).error().message(),
            "snapshot not found: " + home.snapshot("none"));
}

TEST(ReferenceTest, NameMeansTheSnapshotsDirectoryFirst) {
  SnapshotHome home;
  home.add("snapshots/dup");
  const std::string elsewhere = home.add("other/dup");
  index(home, elsewhere, home.path("other/dup"), "dup");
  EXPECT_EQ(*resolve(home.context(), "dup", home.call()), home.snapshot("dup"));

  std::filesystem::remove_all(home.snapshot("dup"));
  EXPECT_EQ(*resolve(home.context(), "dup", home.call()), home.path("other/dup"));
  EXPECT_STATUS(Status::snapshot_not_found, resolve(home.context(), "nothing", home.call()));
  EXPECT_STATUS(Status::invalid_config, resolve(home.context(), "", home.call()));
}

TEST(ReferenceTest, PathsHaveOneSpelling) {
  SnapshotHome home;
  home.add("other/one");
  std::filesystem::create_directory_symlink(home.path("other"), home.path("link"));
  const std::string one = home.path("other/one");
  for (const char* spelling : {"other/one", "other//one/", "other/../other/./one", "link/one", "other/one/."}) {
    EXPECT_EQ(*resolve(home.context(), home.path(spelling), home.call()), one) << spelling;
  }
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(home.path("other"));
  EXPECT_EQ(*resolve(home.context(), "./one", home.call()), one);
  EXPECT_EQ(*resolve(home.context(), "../link/one", home.call()), one);
  std::filesystem::current_path(one);
  EXPECT_EQ(*resolve(home.context(), ".", home.call()), one);
  std::filesystem::current_path(before);
}

TEST(ReferenceTest, TildeIsTheHomeDirectory) {
  SnapshotHome home;
  home.add("other/one");
  const std::string before = ::getenv("HOME") != nullptr ? ::getenv("HOME") : "";
  ::setenv("HOME", home.path("other").c_str(), 1);
  EXPECT_EQ(*resolve(home.context(), "~/one", home.call()), home.path("other/one"));
  ::setenv("HOME", before.c_str(), 1);
}

TEST(ReferenceTest, DigestIsFoundWhereTheIndexSaysOrInTheDirectory) {
  SnapshotHome home;
  const std::string inside = home.add("snapshots/in");
  const std::string outside = home.add("other/out");
  index(home, outside, home.path("other/out"), std::nullopt);
  EXPECT_EQ(*resolve(home.context(), inside, home.call()), home.snapshot("in")) << "it is not indexed";
  EXPECT_EQ(*resolve(home.context(), outside, home.call()), home.path("other/out"));

  // Rows lie: the place now has another snapshot, or none.
  index(home, inside, home.path("other/out"), std::nullopt);
  EXPECT_EQ(*resolve(home.context(), inside, home.call()), home.snapshot("in"));
  std::filesystem::remove_all(home.snapshot("in"));
  EXPECT_STATUS(Status::snapshot_not_found, resolve(home.context(), inside, home.call()));
  EXPECT_STATUS(Status::snapshot_not_found, resolve(home.context(), "sha256:abc", home.call()));
  EXPECT_STATUS(Status::snapshot_not_found, resolve(home.context(), "sha512:", home.call()));
}

TEST(ReferenceTest, OddDirectoryEntriesAreNoSnapshots) {
  SnapshotHome home;
  home.add("snapshots/a");
  home.add("snapshots/.hidden");
  home.add("snapshots/.staging-0123456789abcdef");
  home.add("other/target");
  std::filesystem::create_directory(home.snapshot("empty"));
  test::write_text(home.snapshot("file"), "x");
  std::filesystem::create_directory(home.snapshot("damaged"));
  test::write_text(home.snapshot("damaged/manifest.json"), "{");
  std::filesystem::create_directory_symlink(home.path("other/target"), home.snapshot("linked"));
  std::filesystem::create_directory_symlink(home.path("nowhere"), home.snapshot("dangling"));

  const auto artifacts = list_directory(home.context(), std::nullopt, home.call());
  ASSERT_OK(artifacts);
  ASSERT_EQ(artifacts->size(), 2U);
  EXPECT_EQ((*artifacts)[0].path, home.snapshot("a"));
  EXPECT_EQ((*artifacts)[1].path, home.snapshot("linked"));
  ASSERT_EQ(home.warnings().size(), 1U);
  EXPECT_NE(home.warnings()[0].find("damaged"), std::string::npos);
  EXPECT_TRUE(list_directory(home.context(), home.path("missing"), home.call())->empty());
  EXPECT_STATUS(Status::io, list_directory(home.context(), home.snapshot("file"), home.call()));
}

}  // namespace
}  // namespace msb::snapshot
