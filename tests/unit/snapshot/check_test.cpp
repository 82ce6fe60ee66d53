#include "snapshot/check.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "os/publish.h"
#include "snapshot/indexing.h"
#include "snapshot/integrity.h"
#include "snapshot/recover.h"
#include "support/snapshot_home.h"

namespace msb::snapshot {
namespace {

using image::Problem;
using image::ProblemKind;
using test::SnapshotHome;

std::vector<Problem> problems_of(SnapshotHome& home, image::CheckOptions options = {}) {
  auto problems = snapshot::check(home.context(), options, home.call());
  EXPECT_OK(problems);
  return *std::move(problems);
}

/// Kinds and subjects, sorted.
std::vector<std::pair<ProblemKind, std::string>> summary(const std::vector<Problem>& problems) {
  std::vector<std::pair<ProblemKind, std::string>> found;
  for (const Problem& problem : problems) found.emplace_back(problem.kind, problem.subject);
  std::sort(found.begin(), found.end());
  return found;
}

void age(const std::string& path) {
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(2);
  std::filesystem::last_write_time(path, long_ago);
}

TEST(CheckTest, GoodHomesHaveNoProblems) {
  SnapshotHome home;
  EXPECT_TRUE(problems_of(home).empty());
  home.add("snapshots/a");
  home.add("other/b");
  ASSERT_OK(reindex(home.context(), std::nullopt, home.call()));
  ASSERT_OK(reindex(home.context(), home.path("other"), home.call()));
  EXPECT_TRUE(problems_of(home, {.deep = true}).empty());
}

TEST(CheckTest, DamageIsFoundAndStays) {
  SnapshotHome home;
  home.add("snapshots/good");
  home.add("snapshots/lost");
  home.add("snapshots/flipped", [](Descriptor& descriptor) {
    descriptor.integrity = make_integrity(Algorithm::sha256, Digest::sha256_of(as_bytes("other")), 4096);
  });
  home.add("other/far");
  test::write_text(home.snapshot("lost/manifest.json"), "{}");
  ASSERT_OK(reindex(home.context(), std::nullopt, home.call()));
  ASSERT_OK(reindex(home.context(), home.path("other"), home.call()));
  std::filesystem::resize_file(home.path("other/far/upper.ext4"), 1);

  using Expected = std::vector<std::pair<ProblemKind, std::string>>;
  EXPECT_EQ(summary(problems_of(home)),
            (Expected{{ProblemKind::snapshot_damaged, "far"}, {ProblemKind::snapshot_damaged, "lost"}}));
  const auto deep = problems_of(home, {.deep = true, .repair = true});
  EXPECT_EQ(summary(deep), (Expected{{ProblemKind::snapshot_damaged, "far"},
                                     {ProblemKind::snapshot_damaged, "flipped"},
                                     {ProblemKind::snapshot_damaged, "lost"}}));
  for (const Problem& problem : deep) EXPECT_FALSE(problem.repaired) << problem.message;
}

TEST(CheckTest, IndexIsHeldAgainstTheDirectories) {
  SnapshotHome home;
  const std::string gone = home.add("snapshots/gone");
  const std::string parent = home.add("snapshots/parent");
  home.add("snapshots/child", [&](Descriptor& descriptor) { descriptor.parent = parent; });
  const std::string away = home.add("other/away");
  ASSERT_OK(reindex(home.context(), std::nullopt, home.call()));
  ASSERT_OK(reindex(home.context(), home.path("other"), home.call()));
  std::filesystem::remove_all(home.snapshot("gone"));
  std::filesystem::remove_all(home.path("other/away"));
  const std::string fresh = home.add("snapshots/fresh");
  home.change([&](index::Transaction& transaction) {
    return transaction.execute("UPDATE snapshot_index SET child_count = 7 WHERE digest = ?", {parent});
  });
  const auto found = problems_of(home);
  std::vector<std::pair<ProblemKind, std::string>> expected;
  for (const std::string& digest : {gone, parent, away, fresh}) expected.emplace_back(ProblemKind::index_stale, digest);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(summary(found), expected);

  const auto repaired = problems_of(home, {.repair = true});
  EXPECT_EQ(repaired.size(), 4U);
  EXPECT_TRUE(std::ranges::all_of(repaired, &Problem::repaired));
  EXPECT_TRUE(problems_of(home).empty());
}

TEST(CheckTest, LeftoversAreOnlyThoseOfTheDead) {
  SnapshotHome home;
  home.add("snapshots/a");
  ASSERT_OK(reindex(home.context(), std::nullopt, home.call()));
  const auto living = os::StagedDir::create(os::real_fs(), home.path("snapshots"));
  ASSERT_OK(living);
  for (const char* name :
       {".staging-0123456789abcdef", ".old.staging", ".new.staging", ".msb-snapshot-import-abcdef"}) {
    std::filesystem::create_directory(home.snapshot(name));
    test::write_text(home.snapshot(name) + "/upper.ext4", "x");
  }
  age(home.snapshot(".old.staging/upper.ext4"));
  age(home.snapshot(".old.staging"));
  age(home.snapshot(".new.staging"));
  const auto found = problems_of(home);
  EXPECT_EQ(summary(found),
            (std::vector<std::pair<ProblemKind, std::string>>{{ProblemKind::leftover, ".old.staging"},
                                                              {ProblemKind::leftover, ".staging-0123456789abcdef"}}));
  const auto repaired = problems_of(home, {.repair = true});
  EXPECT_TRUE(repaired.size() == 2 && std::ranges::all_of(repaired, &Problem::repaired));
  EXPECT_TRUE(problems_of(home).empty());
  EXPECT_EQ(home.names().size(), 4U) << "the snapshot, and the three that may be at work";
  EXPECT_EQ(*recover(home.context(), home.call()), 0U);
}

}  // namespace
}  // namespace msb::snapshot
