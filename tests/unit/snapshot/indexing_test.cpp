#include "snapshot/indexing.h"

#include <gtest/gtest.h>

#include "snapshot/check.h"
#include "snapshot/directory.h"
#include "snapshot/new_artifact.h"
#include "snapshot/query.h"
#include "snapshot/remove.h"
#include "support/snapshot_home.h"

namespace msb::snapshot {
namespace {

using test::SnapshotHome;

TEST(ReindexTest, RowsFollowTheDirectory) {
  SnapshotHome home;
  const std::string parent = home.add("snapshots/parent");
  const std::string child = home.add("snapshots/child", [&](Descriptor& d) { d.parent = parent; });
  const std::string far = home.add("other/far", [&](Descriptor& d) { d.parent = parent; });
  EXPECT_EQ(reindex(home.context(), std::nullopt, home.call())->indexed, 2U);
  EXPECT_EQ(reindex(home.context(), home.path("other"), home.call())->indexed, 1U);
  EXPECT_EQ(home.row(parent)->child_count, 2U);

  std::filesystem::remove_all(home.snapshot("child"));
  std::filesystem::rename(home.snapshot("parent"), home.snapshot("renamed"));
  home.change([&](index::Transaction& transaction) {
    return transaction.execute("UPDATE snapshot_index SET child_count = 9 WHERE digest = ?", {far});
  });
  const auto again = reindex(home.context(), std::nullopt, home.call());
  ASSERT_OK(again);
  EXPECT_EQ(again->indexed, 1U);
  EXPECT_EQ(again->dropped, 2U) << "one of them is back at its new place";
  EXPECT_FALSE(home.row(child));
  EXPECT_EQ(home.row(parent)->name, "renamed");
  EXPECT_EQ(home.row(parent)->artifact_path, home.snapshot("renamed"));
  EXPECT_EQ(home.row(parent)->child_count, 1U);
  EXPECT_EQ(home.row(far)->child_count, 0U);
}

TEST(ReindexTest, DirectoryThatDoesNotExistIsEmpty) {
  SnapshotHome home;
  home.add("other/a");
  ASSERT_OK(reindex(home.context(), home.path("other"), home.call()));
  std::filesystem::remove_all(home.path("other"));
  const auto done = reindex(home.context(), home.path("other"), home.call());
  ASSERT_OK(done);
  EXPECT_EQ(done->indexed, 0U);
  EXPECT_TRUE(home.rows().empty());
}

TEST(ReindexTest, WhatCannotBeOpenedKeepsItsRow) {
  SnapshotHome home;
  const std::string digest = home.add("snapshots/a");
  ASSERT_OK(reindex(home.context(), std::nullopt, home.call()));
  std::filesystem::remove(home.snapshot("a/upper.ext4"));
  EXPECT_EQ(reindex(home.context(), std::nullopt, home.call())->indexed, 0U);
  EXPECT_TRUE(home.row(digest));
  EXPECT_EQ(home.warnings().size(), 1U);
}

TEST(ReindexTest, MembersOfGroupsAreLeftAlone) {
  SnapshotHome home;
  const std::string member = home.snapshot("group/snap_1");
  test::write_artifact(member, test::plain_descriptor(Form::member, 5), "hello");
  test::write_text(home.snapshot("group/group.json"), "{}");
  const auto listed = list_directory(home.context(), std::nullopt, home.call());
  ASSERT_OK(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().path, member);

  for (const auto& dir : {std::optional<std::string>(), std::optional(home.snapshot("group"))}) {
    EXPECT_EQ(reindex(home.context(), dir, home.call())->indexed, 0U);
  }
  EXPECT_STATUS(Status::unsupported, index_path(home.context(), member, home.call()));
  EXPECT_TRUE(home.rows().empty());

  EXPECT_STATUS(Status::unsupported, remove(home.context(), member, true, home.call()));
  EXPECT_STATUS(Status::snapshot_already_exists, check_destination(home.context(), member, true));

  image::CheckOptions deep;
  deep.deep = true;
  const auto problems = snapshot::check(home.context(), deep, home.call());
  ASSERT_OK(problems);
  EXPECT_TRUE(problems->empty()) << "only 0.7 can index them";
}

TEST(IndexPathsTest, ManyAtOnce) {
  SnapshotHome home;
  const std::string replaced = home.add("snapshots/replaced");
  home.add("snapshots/gone");
  ASSERT_OK(reindex(home.context(), std::nullopt, home.call()));
  const std::string fresh = home.add("snapshots/replaced", [](Descriptor& d) { d.labels["new"] = "yes"; });
  std::filesystem::remove_all(home.snapshot("gone"));
  const std::string child = home.add("other/child", [&](Descriptor& d) { d.parent = fresh; });
  const std::vector<std::string> paths{home.path("other/child"), home.snapshot("gone"), home.snapshot("replaced")};
  const auto rows = index_paths(home.context(), paths, home.call());
  ASSERT_OK(rows);
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[0]->digest, child);
  EXPECT_FALSE((*rows)[1]);
  EXPECT_EQ((*rows)[2]->digest, fresh);
  EXPECT_FALSE(home.row(replaced));
  EXPECT_EQ(home.row(fresh)->child_count, 1U);
  EXPECT_EQ(home.rows().size(), 2U);
}

TEST(IndexPathsTest, AllOrNothing) {
  SnapshotHome home;
  home.add("snapshots/good");
  home.add("snapshots/bad");
  std::filesystem::remove(home.snapshot("bad/upper.ext4"));
  const std::vector<std::string> paths{home.snapshot("good"), home.snapshot("bad")};
  EXPECT_STATUS(Status::snapshot_integrity, index_paths(home.context(), paths, home.call()));
  EXPECT_TRUE(home.rows().empty());
}

TEST(ListTest, SortsReversesAndPages) {
  SnapshotHome home;
  const auto add = [&](const std::string& where, const std::string& time, size_t size) {
    home.add(
        "snapshots/" + where, [&](Descriptor& d) { d.created_at = time; }, std::string(size, 'x'));
  };
  add("b", "2026-05-02T00:00:00+00:00", 3);
  add("a", "2026-05-01T00:00:00+00:00", 2);
  add("c", "2026-05-03T00:00:00+00:00", 1);
  home.add(
      "other/c", [](Descriptor& d) { d.created_at = "2026-05-04T00:00:00+00:00"; }, "four");
  ASSERT_OK(reindex(home.context(), std::nullopt, home.call()));
  ASSERT_OK(reindex(home.context(), home.path("other"), home.call()));
  const auto names = [&](const ListOptions& options) {
    std::string text;
    const auto rows = list(home.context(), options, home.call());
    EXPECT_OK(rows);
    for (const index::SnapshotRow& row : *rows) text += row.name.value_or("-");
    return text;
  };
  EXPECT_EQ(names({}), "-cba");
  EXPECT_EQ(names({.labels = {}, .reverse = true}), "abc-");
  EXPECT_EQ(names({.labels = {}, .sort = Sort::name}), "abc-");
  EXPECT_EQ(names({.labels = {}, .sort = Sort::size}), "-bac");
  EXPECT_EQ(names({.labels = {}, .offset = 1, .limit = 2}), "cb");
  EXPECT_EQ(names({.labels = {}, .offset = 3, .limit = 2}), "a");
  EXPECT_EQ(names({.labels = {}, .offset = 9}), "");
}

}  // namespace
}  // namespace msb::snapshot
