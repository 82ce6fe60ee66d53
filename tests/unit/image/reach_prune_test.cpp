#include <algorithm>

#include "cache_home.h"
#include "image/collect.h"
#include "image/lease.h"
#include "image/prune.h"
#include "image/usage.h"
#include "support/fixtures.h"

namespace msb::image {
namespace {

using test::CacheHome;
using Names = std::vector<std::string>;

class PruneTest : public testing::Test {
 protected:
  PruneTest() {
    home_.add_image("one", "M1", {"base", "a"});
    home_.add_image("two:1", "M2", {"base", "b"});
  }

  PrunePlan plan(const PruneOptions& options = {}) {
    auto planned = plan_prune(home_.context(), options, home_.call());
    EXPECT_OK(planned);
    return planned ? std::move(*planned) : PrunePlan();
  }
  PruneReport take(const PruneOptions& options = {}) {
    auto report = prune(home_.context(), options, home_.call());
    EXPECT_OK(report);
    return report ? *report : PruneReport();
  }
  static Names going(const PrunePlan& plan, ItemKind kind = ItemKind::reference) {
    Names names;
    for (const PlanItem& item : plan.items) {
      if (item.remove && item.kind == kind) names.push_back(item.name);
    }
    return names;
  }
  static std::string reason(const PrunePlan& plan, const std::string& name) {
    const auto item = std::ranges::find(plan.items, name, &PlanItem::name);
    return item != plan.items.end() ? item->reason : "no such item";
  }
  void set_last_use(const std::string& reference, std::chrono::hours ago) {
    const std::string time = format_db_time(now_ns() - std::chrono::nanoseconds(ago).count());
    home_.change([&](index::Transaction& transaction) {
      return transaction.execute("UPDATE image_ref SET updated_at = ? WHERE reference = ?", {time, reference});
    });
  }
  /// Labels as releases from 0.6.9 on store them.
  void set_labels(const std::string& image, const std::string& labels) {
    home_.change([&](index::Transaction& transaction) {
      return transaction.execute("UPDATE config SET labels = ? WHERE digest = ?",
                                 {labels, CacheHome::digest(image + " config").text()});
    });
  }

  CacheHome home_;
};

TEST_F(PruneTest, RemovesWhatNobodyUses) {
  home_.add_sandbox("web", "M2", true);
  const uint64_t before = home_.allocated();
  const PruneReport report = take();
  EXPECT_EQ(report.references, 1U);
  EXPECT_EQ(report.manifests, 1U);
  EXPECT_EQ(report.layers, 1U);
  EXPECT_EQ(report.fsmeta, 1U);
  EXPECT_EQ(report.vmdk, 1U);
  ASSERT_TRUE(report.bytes.has_value());
  EXPECT_EQ(*report.bytes, before - home_.allocated());
  EXPECT_TRUE(home_.has_layer("base"));
  EXPECT_FALSE(home_.has_layer("a"));
  EXPECT_TRUE(home_.has_image("M2"));

  const PruneReport again = take();
  EXPECT_EQ(again.references + again.layers, 0U);
  EXPECT_FALSE(again.bytes.has_value());
}

TEST_F(PruneTest, PlanTellsAllAndChangesNothing) {
  home_.add_sandbox("web", "M2", true);
  const auto files = home_.files();
  const PrunePlan planned = plan();
  EXPECT_EQ(home_.files(), files);
  EXPECT_EQ(home_.count("image_ref"), 2);
  EXPECT_EQ(going(planned), (Names{"one"}));
  EXPECT_EQ(going(planned, ItemKind::layer), (Names{CacheHome::digest("a").text()}));
  EXPECT_EQ(reason(planned, "two:1"), "used by sandbox web");
  EXPECT_EQ(planned.items.size(), 2U + 2U + 3U + 2U + 2U + 2U);
  uint64_t bytes = 0;
  for (const PlanItem& item : planned.items) bytes += item.bytes;
  auto report = apply_prune(home_.context(), planned, home_.call());
  ASSERT_OK(report);
  EXPECT_EQ(report->bytes, bytes);
}

TEST_F(PruneTest, KeepsInAnySpelling) {
  EXPECT_EQ(going(plan({.keep = {"docker.io/library/one:latest"}})), (Names{"two:1"}));
  EXPECT_EQ(going(plan({.keep = {"one", "two:1"}})), (Names{}));
  EXPECT_EQ(reason(plan({.keep = {"one"}}), "one"), "to be kept");
  EXPECT_EQ(reason(plan({.keep = {"one"}}), CacheHome::digest("a").text()), "used by reference one");
  EXPECT_STATUS(Status::invalid_argument, plan_prune(home_.context(), {.keep = {"no reference!"}}, home_.call()));
}

TEST_F(PruneTest, UnusedFor) {
  set_last_use("one", std::chrono::hours(48));
  EXPECT_EQ(going(plan({.unused_for = std::chrono::nanoseconds(std::chrono::hours(24)).count()})), (Names{"one"}));
  EXPECT_EQ(going(plan({.unused_for = std::chrono::nanoseconds(std::chrono::hours(72)).count()})), (Names{}));
}

TEST_F(PruneTest, ReferenceFilter) {
  EXPECT_EQ(going(plan({.reference_filter = "t*"})), (Names{"two:1"}));
  EXPECT_EQ(going(plan({.reference_filter = "[op]n?"})), (Names{"one"}));
  EXPECT_EQ(going(plan({.reference_filter = "docker.io/*"})), (Names{}));
}

TEST_F(PruneTest, LabelsOfTheIndexElseOfTheDocument) {
  set_labels("M1", R"({"tier":"cache","owner":"ci"})");
  std::string document = test::read_file(home_.document_of("two:1"));
  document.replace(document.find("\"labels\":{"), 10, "\"labels\":{\"tier\":\"base\"");
  test::write_text(home_.document_of("two:1"), document);
  EXPECT_EQ(going(plan({.labels = {{"tier", std::nullopt}}})), (Names{"one", "two:1"}));
  EXPECT_EQ(going(plan({.labels = {{"tier", "cache"}}})), (Names{"one"}));
  EXPECT_EQ(going(plan({.labels = {{"tier", "base"}}})), (Names{"two:1"}));
  EXPECT_EQ(going(plan({.labels = {{"tier", "cache"}, {"owner", "me"}}})), (Names{}));
}

TEST_F(PruneTest, BoundTakesLeastRecentlyUsedFirstAndNoMoreThanNeeded) {
  home_.add_image("three", "M3", {"base", "c"});
  set_last_use("one", std::chrono::hours(1));
  set_last_use("two:1", std::chrono::hours(3));
  set_last_use("three", std::chrono::hours(2));
  const uint64_t all = home_.allocated();
  EXPECT_EQ(going(plan({.max_bytes = all})), (Names{}));
  EXPECT_EQ(reason(plan({.max_bytes = all}), "one"), "the cache is small enough without it");
  EXPECT_EQ(going(plan({.max_bytes = all - 1})), (Names{"two:1"}));
  const uint64_t one_image = 12288 + 4096 + 4096 + 4096;  // layer and recipe, fsmeta, VMDK, document
  EXPECT_EQ(going(plan({.max_bytes = all - one_image})), (Names{"two:1"}));
  EXPECT_EQ(going(plan({.max_bytes = all - one_image - 1})), (Names{"three", "two:1"}));
  take({.max_bytes = all - one_image});
  EXPECT_LE(home_.allocated(), all - one_image);
  EXPECT_TRUE(home_.has_image("M3"));
  EXPECT_EQ(going(plan({.max_bytes = 1})), (Names{"one", "three"}));
}

TEST_F(PruneTest, BoundLeavesImagesAloneThatAreKeptAnyway) {
  home_.add_image("also:1", "M2", {"base", "b"});
  set_last_use("two:1", std::chrono::hours(3));
  EXPECT_EQ(going(plan({.keep = {"also:1"}, .max_bytes = 1})), (Names{"one"}));
}

TEST_F(PruneTest, ApplyTakesNothingThatThePlanSpares) {
  const PrunePlan planned = plan({.keep = {"one"}});
  home_.add_image("three", "M3", {"c"});
  home_.write(home_.paths().layer(CacheHome::safe("stray")), 4096);
  home_.age();
  auto report = apply_prune(home_.context(), planned, home_.call());
  ASSERT_OK(report);
  EXPECT_EQ(report->references, 1U);
  EXPECT_TRUE(home_.has_image("M1"));
  EXPECT_TRUE(home_.has_image("M3"));
  EXPECT_TRUE(home_.has_layer("stray"));
  EXPECT_FALSE(home_.has_image("M2"));
}

TEST_F(PruneTest, ApplyLeavesAloneWhatCameIntoUse) {
  const struct {
    const char* what;
    std::function<void()> begin;
  } uses[] = {
      {"sandbox", [&] { home_.add_sandbox("web", "M1", false); }},
      {"artifact", [&] { home_.add_artifact("snap", "manifest.json", "M1"); }},
      {"used again", [&] { set_last_use("one", std::chrono::hours(-1)); }},
      {"moved",
       [&] {
         home_.add_image("one", "M9", {"base", "z"});
       }},
  };
  for (const auto& use : uses) {
    SCOPED_TRACE(use.what);
    const PrunePlan planned = plan({.keep = {"two:1"}});
    EXPECT_EQ(going(planned), (Names{"one"}));
    use.begin();
    auto report = apply_prune(home_.context(), planned, home_.call());
    ASSERT_OK(report);
    EXPECT_EQ(report->references, 0U);
    EXPECT_TRUE(home_.has_document("one"));
    home_.remove_sandbox("web");
    std::filesystem::remove_all(home_.path("snapshots/snap"));
  }
}

TEST_F(PruneTest, ApplyLeavesAloneWhatIsLeasedSince) {
  const PrunePlan planned = plan();
  auto lease = Lease::take(home_.context(), home_.call());
  ASSERT_OK(lease);
  ASSERT_OK(lease->add(CacheHome::digest("base"), home_.call()));
  auto report = apply_prune(home_.context(), planned, home_.call());
  ASSERT_OK(report);
  EXPECT_EQ(report->references, 2U);
  EXPECT_EQ(report->layers, 2U);
  EXPECT_TRUE(home_.has_layer("base"));
}

TEST_F(PruneTest, PlanOfAnotherHomeIsRefused) {
  CacheHome other;
  EXPECT_STATUS(Status::invalid_argument, apply_prune(other.context(), plan(), other.call()));
}

TEST_F(PruneTest, CancelledPruneLeavesNoHalfImages) {
  CancelToken token;
  token.trigger();
  const Call call(&token, Call::Clock::time_point::max(), {}, {});
  EXPECT_STATUS(Status::cancelled, prune(home_.context(), {}, call));
  EXPECT_TRUE(home_.has_image("M1"));
  EXPECT_TRUE(home_.has_image("M2"));
}

TEST_F(PruneTest, LeftoversOfAllKindsGoOnceTheyAreOld) {
  const char* const leftovers[] = {
      "cache/tmp/sha256_aa.part",      "cache/tmp/sha256_aa.spool",         "cache/tmp/sha256_aa.erofs.part",
      "cache/tmp/load-1-2-3.blob",     "cache/layers/sha256_aa.tar.gz",     "cache/manifests/aa.json.part",
      "cache/tmp/m.work/fsmeta.erofs", "cache/layers/x.erofs.corrupt-0000",
  };
  for (const char* path : leftovers) {
    std::filesystem::create_directories(std::filesystem::path(home_.path(path)).parent_path());
    home_.write(home_.path(path), 5000);
  }
  home_.write(home_.path("cache/tmp/sha256_aa.download.lock"), 0);
  take();
  for (const char* path : leftovers) EXPECT_TRUE(std::filesystem::exists(home_.path(path))) << path;
  home_.age();
  const uint64_t before = home_.allocated();
  const PruneReport report = take();
  for (const char* path : leftovers) EXPECT_FALSE(std::filesystem::exists(home_.path(path))) << path;
  EXPECT_TRUE(std::filesystem::exists(home_.path("cache/tmp/sha256_aa.download.lock")));
  EXPECT_GE(*report.bytes, before - home_.allocated());
  EXPECT_EQ(home_.allocated(), 0U);
}

TEST_F(PruneTest, OldLockFilesOfNothingGoUnlessSomebodyHasThemOpen) {
  const auto lock = [&](const std::string& name) { return home_.path("cache/" + name); };
  for (const char* name :
       {"layers/sha256_a.erofs.lock", "fsmeta/sha256_a.erofs.lock", "manifests/a.lock", "layers/sha256_b.erofs.lock"}) {
    test::write_text(lock(name), "");
  }
  const auto maker = os::File::open(os::real_fs(), AT_FDCWD, lock("layers/sha256_b.erofs.lock"), O_RDWR);
  ASSERT_OK(maker);
  home_.age();
  test::write_text(lock("layers/sha256_c.erofs.lock"), "");
  ASSERT_OK(prune(home_.context(), {}, home_.call()));
  for (const char* gone : {"layers/sha256_a.erofs.lock", "fsmeta/sha256_a.erofs.lock", "manifests/a.lock"}) {
    EXPECT_FALSE(std::filesystem::exists(lock(gone))) << gone;
  }
  EXPECT_TRUE(std::filesystem::exists(lock("layers/sha256_b.erofs.lock"))) << "somebody has it open";
  EXPECT_TRUE(std::filesystem::exists(lock("layers/sha256_c.erofs.lock"))) << "too young";
}

TEST_F(PruneTest, StagedWorkOfTheLivingIsLeftAlone) {
  const std::string path = home_.path("cache/layers/.staging-0123456789abcdef");
  home_.write(path, 100);
  const auto file = os::File::open(os::real_fs(), AT_FDCWD, path, O_RDONLY);
  ASSERT_OK(file);
  auto locked = os::try_flock(*file, os::LockMode::exclusive);
  ASSERT_OK(locked);
  ASSERT_TRUE(*locked);
  home_.age();
  take();
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(PruneTest, HardLinkedFilesGiveNothingBack) {
  std::filesystem::create_hard_link(home_.paths().layer(CacheHome::safe("a")), home_.path("elsewhere"));
  const uint64_t before = home_.allocated();
  const PruneReport report = take();
  EXPECT_EQ(*report.bytes, before - home_.allocated() - 8192);
}

TEST_F(PruneTest, GcKeepsReferencesAndTakesTheRest) {
  home_.change([](index::Transaction& transaction) {
    return transaction.execute("DELETE FROM image_ref WHERE reference = 'one'");
  });
  auto layers = gc_layers(home_.context(), home_.call());
  ASSERT_OK(layers);
  EXPECT_EQ(*layers, 0U) << "its manifest is still in the index";
  auto collected = gc(home_.context(), home_.call());
  ASSERT_OK(collected);
  EXPECT_EQ(*collected, 5U);
  EXPECT_FALSE(home_.has_image("M1"));
  EXPECT_TRUE(home_.has_image("M2"));
  EXPECT_EQ(home_.count("image_ref"), 1);
}

TEST_F(PruneTest, GcLayersTakesLayersWithoutAnImage) {
  home_.change([](index::Transaction& transaction) {
    return transaction.execute("DELETE FROM manifest_layer WHERE manifest_id = 1");
  });
  auto collected = gc_layers(home_.context(), home_.call());
  ASSERT_OK(collected);
  EXPECT_EQ(*collected, 1U);
  EXPECT_FALSE(home_.has_layer("a"));
  EXPECT_TRUE(home_.has_layer("base"));
  EXPECT_TRUE(home_.has_image("M1"));
  EXPECT_EQ(home_.count("layer"), 2);
}

TEST_F(PruneTest, DiskUsageAddsUpAndAgreesWithPrune) {
  home_.add_sandbox("web", "M2", true);
  home_.add_artifact("snap", "manifest.json", "M2");
  std::filesystem::create_directories(home_.path("sandboxes/web/logs"));
  home_.write(home_.path("sandboxes/web/upper.ext4"), 10000);
  home_.write(home_.path("sandboxes/web/logs/exec.log"), 10000);
  home_.write(home_.path("cache/tmp/old"), 5000);
  home_.age();
  auto usage = disk_usage(home_.context(), home_.call());
  ASSERT_OK(usage);
  EXPECT_EQ(usage->images, home_.allocated());
  EXPECT_EQ(usage->sandboxes, 12288U);
  EXPECT_GE(usage->snapshots, 8192U);
  EXPECT_TRUE(std::ranges::is_sorted(
      usage->items, {}, [](const DiskItem& item) { return std::pair(static_cast<uint32_t>(item.kind), item.name); }));
  const auto base = std::ranges::find(usage->items, CacheHome::digest("base").text(), &DiskItem::name);
  ASSERT_NE(base, usage->items.end());
  EXPECT_EQ(base->shared_by, 2U);
  EXPECT_EQ(base->pins, (Names{"reference one", "reference two:1", "sandbox web", "snapshot snap"}));
  EXPECT_FALSE(base->reclaimable);
  const PruneReport report = take();
  EXPECT_EQ(report.bytes, usage->reclaimable);
}

}  // namespace
}  // namespace msb::image
