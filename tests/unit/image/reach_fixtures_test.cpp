// Databases that released programs have written.
#include <algorithm>

#include "cache_home.h"
#include "image/prune.h"
#include "image/reachability.h"
#include "image/usage.h"
#include "support/fixtures.h"

namespace msb::image {
namespace {

using test::CacheHome;

class UpstreamDatabaseTest : public testing::TestWithParam<const char*> {};

TEST_P(UpstreamDatabaseTest, IsPlannedAndItsUsersCount) {
  const auto dump = test::upstream_path(std::string("snapshots/") + GetParam() + "/msb.db.sql");
  CacheHome home;
  home.replace_database(test::read_file(dump));
  auto plan = plan_prune(home.context(), {}, home.call());
  ASSERT_OK(plan);
  size_t references = 0;
  for (const PlanItem& item : plan->items) {
    EXPECT_FALSE(item.remove) << item.name;
    if (item.kind != ItemKind::reference) continue;
    ++references;
    EXPECT_TRUE(item.reason.starts_with("used by s")) << item.name << ": " << item.reason;
  }
  EXPECT_EQ(references, 2U);
  EXPECT_OK(disk_usage(home.context(), home.call()));
}

INSTANTIATE_TEST_SUITE_P(Releases, UpstreamDatabaseTest,
                         testing::Values("0.5.7", "0.6.2", "0.6.6", "0.6.7", "0.6.14", "0.6.18", "0.7.2"));

TEST(UpstreamArtifactsTest, AllGenerationsAreFoundOnDisk) {
  const auto fixtures = test::upstream_path("snapshots");
  const std::pair<const char*, size_t> releases[] = {{"0.5.7", 7}, {"0.6.6", 7}, {"0.6.14", 7}, {"0.7.2", 5}};
  for (const auto& [release, count] : releases) {
    SCOPED_TRACE(release);
    CacheHome home;
    std::filesystem::copy(fixtures / release / "snapshots", home.path("snapshots"),
                          std::filesystem::copy_options::recursive);
    auto found = survey(home.context(), home.call());
    ASSERT_OK(found);
    EXPECT_TRUE(found->doubts.empty());
    size_t holders = 0;
    for (const Image& image : found->images) {
      holders += image.holders.size();
      EXPECT_TRUE(image.digest.starts_with("sha256:f663734e") || image.digest.starts_with("sha256:91b35cf3"));
    }
    EXPECT_EQ(holders, count);
  }
}

TEST(UpstreamCacheTest, IsPrunedToNothing) {
  const auto fixture = test::upstream_path("images/f5-docker");
  CacheHome home;
  std::filesystem::copy(fixture / "cache", home.paths().root(), std::filesystem::copy_options::recursive);
  std::string inserts;
  const std::string dump = test::read_file(fixture / "db.sql");
  for (size_t at = 0, end = 0; (end = dump.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string_view line = std::string_view(dump).substr(at, end - at);
    if (line.starts_with("INSERT")) inserts.append(line).append("\n");
  }
  home.run_script(inserts);
  EXPECT_EQ(home.broken_images(), std::vector<std::string>());
  auto report = prune(home.context(), {.keep = {"fixture/one"}}, home.call());
  ASSERT_OK(report);
  EXPECT_EQ(report->references, 2U) << "fixture/one:1 and fixture/two:1";
  EXPECT_EQ(report->manifests, 1U);
  EXPECT_EQ(report->layers, 1U);
  EXPECT_EQ(home.broken_images(), std::vector<std::string>());
  report = prune(home.context(), {}, home.call());
  ASSERT_OK(report);
  EXPECT_EQ(report->manifests, 1U);
  EXPECT_EQ(home.files(), std::set<std::string>());
}

}  // namespace
}  // namespace msb::image
