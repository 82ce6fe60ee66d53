#include <algorithm>
#include <optional>

#include "cache_home.h"
#include "image/lease.h"
#include "image/reachability.h"

namespace msb::image {
namespace {

using test::CacheHome;
using Pins = std::vector<std::string>;

/// Two images that share the layer `base`: `one` (also known as `one:latest`) and `two`.
class PinsTest : public testing::Test {
 protected:
  PinsTest() {
    home_.add_image("one", "M1", {"base", "a"});
    home_.add_image("two:1", "M2", {"base", "b"});
    home_.age();
  }

  void look() {
    auto found = survey(home_.context(), home_.call());
    ASSERT_OK(found);
    found_ = std::move(*found);
  }
  size_t at(ItemKind kind, const std::string& name) const {
    for (size_t i = 0; i < found_.items.size(); ++i) {
      if (found_.items[i].kind == kind && found_.items[i].name == name) return i;
    }
    ADD_FAILURE() << "no item " << name;
    return 0;
  }
  Pins pins(ItemKind kind, const std::string& name) const { return found_.pins(found_.items[at(kind, name)]); }
  Pins layer_pins(const std::string& layer) const { return pins(ItemKind::layer, CacheHome::digest(layer).text()); }
  /// What a prune with default options says.
  Verdict verdict(ItemKind kind, const std::string& name) const {
    Selection selection;
    selection.spared.resize(found_.references.size());
    return judge(found_, selection)[at(kind, name)];
  }
  Verdict layer_verdict(const std::string& layer) const {
    return verdict(ItemKind::layer, CacheHome::digest(layer).text());
  }

  CacheHome home_;
  Reachability found_;
};

TEST_F(PinsTest, ReferencesKeepImagesAndImagesTheirFiles) {
  look();
  EXPECT_EQ(layer_pins("base"), (Pins{"reference one", "reference two:1"}));
  EXPECT_EQ(layer_pins("a"), (Pins{"reference one"}));
  EXPECT_EQ(pins(ItemKind::fsmeta, CacheHome::digest("M2").text()), (Pins{"reference two:1"}));
  EXPECT_EQ(pins(ItemKind::vmdk, CacheHome::digest("M2").text()), (Pins{"reference two:1"}));
  EXPECT_EQ(pins(ItemKind::manifest, CacheHome::digest("M1").text()), (Pins{"reference one"}));
  EXPECT_EQ(found_.items[at(ItemKind::layer, CacheHome::digest("base").text())].images.size(), 2U);
  for (const Item& item : found_.items) EXPECT_FALSE(item.kind == ItemKind::temporary) << item.name;
}

TEST_F(PinsTest, LayerCountsWithItsRecipe) {
  look();
  const Item& layer = found_.items[at(ItemKind::layer, CacheHome::digest("a").text())];
  EXPECT_EQ(layer.files.size(), 2U);
  EXPECT_EQ(layer.path(), home_.paths().layer(CacheHome::safe("a")));
  EXPECT_EQ(layer.size.apparent, 8192U + 100U);
}

TEST_F(PinsTest, EveryKindOfUserKeepsTheImage) {
  const struct {
    std::string pin;
    std::function<void()> add;
  } users[] = {
      {"sandbox booted", [&] { home_.add_sandbox_with("booted", "{}", "M1"); }},
      {"sandbox created", [&] { home_.add_sandbox("created", "M1", false); }},
      {"snapshot old", [&] { home_.add_artifact("old", "manifest.json", "M1"); }},
      {"snapshot new", [&] { home_.add_artifact("new", "snapshot.json", "M1"); }},
      {"snapshot group/snap_1", [&] { home_.add_artifact("group/snap_1", "snapshot.json", "M1"); }},
      {"snapshot elsewhere", [&] { home_.add_snapshot_row("elsewhere", "/nowhere/elsewhere", "M1"); }},
  };
  Pins expected{"reference one"};
  for (const auto& user : users) {
    user.add();
    look();
    expected.push_back(user.pin);
    std::ranges::sort(expected);
    EXPECT_EQ(layer_pins("a"), expected);
    EXPECT_FALSE(layer_verdict("a").remove) << user.pin;
    EXPECT_FALSE(verdict(ItemKind::reference, "one").remove) << user.pin;
    EXPECT_TRUE(layer_verdict("b").remove) << user.pin;
    EXPECT_FALSE(layer_verdict("base").remove) << user.pin;
  }
}

TEST_F(PinsTest, VerdictsSayWhy) {
  home_.add_sandbox("web", "M1", true);
  look();
  EXPECT_EQ(layer_verdict("base").reason, "used by sandbox web");
  EXPECT_EQ(layer_verdict("b").reason, "unused");
  EXPECT_EQ(verdict(ItemKind::reference, "two:1").reason, "unused");
}

TEST_F(PinsTest, IndexedArtifactCountsOnce) {
  home_.add_artifact("snap", "manifest.json", "M1");
  home_.add_snapshot_row("its-name", home_.path("snapshots/snap"), "M1");
  look();
  EXPECT_EQ(layer_pins("a"), (Pins{"reference one", "snapshot snap"}));
}

TEST_F(PinsTest, RowOfAnArtifactThatSaysSomethingElseGivesWayToTheArtifact) {
  home_.add_artifact("snap", "manifest.json", "M1");
  home_.add_snapshot_row("snap", home_.path("snapshots/snap"), "M2");
  look();
  EXPECT_TRUE(layer_verdict("b").remove);
}

TEST_F(PinsTest, UnreadableDescriptorFallsBackToItsRow) {
  home_.write_artifact("snap", "snapshot.json", "{\"image\":");
  home_.add_snapshot_row("snap", home_.path("snapshots/snap"), "M1");
  look();
  EXPECT_TRUE(found_.doubts.empty());
  EXPECT_EQ(layer_verdict("a").reason, "used by snapshot snap");
  EXPECT_TRUE(layer_verdict("b").remove);
}

TEST_F(PinsTest, UnreadableDescriptorWithoutARowKeepsEverything) {
  for (const std::string text : {"{\"image\":", "{}", "{\"image\":{\"manifest_digest\":7}}"}) {
    home_.write_artifact("snap", "snapshot.json", text);
    look();
    EXPECT_EQ(found_.doubts, (Pins{"snapshot snap"})) << text;
    for (const auto& [kind, name] : {std::pair{ItemKind::reference, std::string("one")},
                                     {ItemKind::manifest, CacheHome::digest("M1").text()},
                                     {ItemKind::layer, CacheHome::digest("b").text()}}) {
      EXPECT_FALSE(verdict(kind, name).remove) << name;
      EXPECT_EQ(verdict(kind, name).reason, "may be needed by snapshot snap, which does not say what it needs");
    }
  }
}

TEST_F(PinsTest, MalformedSandboxConfigKeepsEverythingUnlessItHasBooted) {
  home_.add_sandbox_with("odd", "{", "M1");
  look();
  EXPECT_TRUE(found_.doubts.empty());
  home_.add_sandbox_with("odder", "{", "");
  look();
  EXPECT_EQ(found_.doubts, (Pins{"sandbox odder"}));
  EXPECT_FALSE(layer_verdict("b").remove);
}

TEST_F(PinsTest, DirectoryWithoutDescriptorIsNoSnapshot) {
  std::filesystem::create_directories(home_.path("snapshots/notes/deep"));
  std::filesystem::create_directories(home_.path("snapshots/.staging"));
  test::write_text(home_.path("snapshots/.staging/snapshot.json"), "{");
  look();
  EXPECT_TRUE(found_.doubts.empty());
}

TEST_F(PinsTest, LeasesKeepWhatTheyName) {
  auto lease = Lease::take(home_.context(), home_.call());
  ASSERT_OK(lease);
  ASSERT_OK(lease->add(CacheHome::digest("b"), home_.call()));
  look();
  EXPECT_EQ(layer_verdict("b").reason, "work in flight");
  EXPECT_EQ(layer_pins("b"), (Pins{"reference two:1", "work in flight"}));
  EXPECT_TRUE(layer_verdict("a").remove);
  ASSERT_OK(lease->add(CacheHome::digest("M1"), home_.call()));
  look();
  EXPECT_EQ(layer_verdict("a").reason, "work in flight");
  EXPECT_FALSE(verdict(ItemKind::metadata, oci::Reference::parse("one")->cache_key()).remove);
}

TEST_F(PinsTest, LayersOfAnImageThatOnlyItsDocumentKnows) {
  home_.change([](index::Transaction& transaction) { return transaction.execute("DELETE FROM manifest"); });
  home_.change([](index::Transaction& transaction) { return transaction.execute("DELETE FROM layer"); });
  home_.add_artifact("snap", "manifest.json", "M1");
  look();
  EXPECT_EQ(layer_verdict("a").reason, "used by snapshot snap");
  EXPECT_FALSE(verdict(ItemKind::metadata, oci::Reference::parse("one")->cache_key()).remove);
  EXPECT_EQ(layer_verdict("b").reason, "nothing refers to it");
  std::filesystem::remove(home_.document_of("one"));
  look();
  EXPECT_EQ(layer_verdict("a").reason, "used by snapshot snap") << "its VMDK still tells the layers";
}

TEST_F(PinsTest, DocumentOfAReferenceKeepsTheImageItSays) {
  // Somebody led the reference to another image and has not told the index yet.
  home_.write_document("one", "M3", {"c"});
  home_.write(home_.paths().layer(CacheHome::safe("c")), 4096);
  home_.age();
  look();
  EXPECT_EQ(layer_pins("c"), (Pins{"reference one"}));
}

TEST_F(PinsTest, YoungFilesOfNobodyAreLeftAlone) {
  home_.write(home_.paths().layer(CacheHome::safe("new")), 4096);
  home_.write(home_.path("cache/tmp/x.part"), 10);
  look();
  EXPECT_EQ(layer_verdict("new").reason, "younger than an hour");
  EXPECT_EQ(verdict(ItemKind::temporary, "x.part").reason, "younger than an hour");
  home_.age();
  look();
  EXPECT_TRUE(layer_verdict("new").remove);
  EXPECT_EQ(layer_verdict("new").reason, "nothing refers to it");
  EXPECT_TRUE(verdict(ItemKind::temporary, "x.part").remove);
}

TEST_F(PinsTest, FilesOfOthersAreNotTouched) {
  test::write_text(home_.path("cache/layers/notes.txt"), "mine");
  std::filesystem::create_directories(home_.path("cache/fsmeta/" + CacheHome::safe("dir") + ".erofs"));
  home_.age();
  look();
  EXPECT_EQ(verdict(ItemKind::temporary, "notes.txt").reason, "not a file of the cache");
  EXPECT_FALSE(verdict(ItemKind::temporary, CacheHome::safe("dir") + ".erofs").remove);
}

TEST_F(PinsTest, FlatFilesFollowTheirImage) {
  std::filesystem::create_directories(home_.path("cache/flat/refs"));
  std::filesystem::create_directories(home_.path("cache/flat/blobs"));
  for (const std::string image : {"M1", "M2"}) {
    test::write_text(
        home_.path("cache/flat/refs/" + CacheHome::safe(image) + ".json"),
        "{\"artifact_digest\":\"" + CacheHome::digest(image + " raw").text() + "\",\"derivation_digest\":\"x\"}");
    home_.write(home_.path("cache/flat/blobs/" + CacheHome::safe(image + " raw") + ".raw"), 4096);
  }
  home_.add_sandbox("web", "M1", true);
  look();
  EXPECT_EQ(verdict(ItemKind::flat, CacheHome::digest("M1 raw").text()).reason, "used by sandbox web");
  EXPECT_EQ(verdict(ItemKind::flat, CacheHome::digest("M1").text()).reason, "used by sandbox web");
  EXPECT_TRUE(verdict(ItemKind::flat, CacheHome::digest("M2 raw").text()).remove);
}

TEST_F(PinsTest, KeptBlobsFollowTheirImage) {
  home_.write(home_.paths().blob(CacheHome::safe("a blob")), 100);
  home_.write(home_.paths().blob(CacheHome::safe("b blob")), 100);
  home_.write(home_.paths().blob(CacheHome::safe("stray")), 100);
  home_.add_sandbox("web", "M1", true);
  look();
  EXPECT_EQ(verdict(ItemKind::blob, CacheHome::digest("a blob").text()).reason, "used by sandbox web");
  EXPECT_TRUE(verdict(ItemKind::blob, CacheHome::digest("b blob").text()).remove);
  EXPECT_EQ(verdict(ItemKind::blob, CacheHome::digest("stray").text()).reason, "younger than an hour");
}

}  // namespace
}  // namespace msb::image
