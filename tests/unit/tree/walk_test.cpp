#include "tree/walk.h"

#include <gtest/gtest.h>

namespace msb::tree {
namespace {

TEST(Walk, VisitsParentsFirstAndNamesInOrder) {
  Tree tree;
  const Id dir = tree.add(Kind::directory);
  const Id sub = tree.add(Kind::directory);
  const Id file = tree.add(Kind::regular);
  tree.link(kRoot, "b", dir);
  tree.link(dir, "sub", sub);
  tree.link(sub, "file", file);
  tree.link(kRoot, "c", file);
  tree.link(kRoot, "a", file);

  std::vector<std::string> seen;
  for (Walk walk(tree); walk.next();) seen.push_back(walk.path() + ":" + std::to_string(walk.depth()));
  EXPECT_EQ(seen, (std::vector<std::string>{":0", "a:1", "b:1", "b/sub:2", "b/sub/file:3", "c:1"}));
}

TEST(Walk, KnowsTheParent) {
  Tree tree;
  const Id dir = tree.add(Kind::directory);
  tree.link(kRoot, "d", dir);
  tree.link(dir, "f", tree.add(Kind::fifo));
  Walk walk(tree);
  ASSERT_TRUE(walk.next());
  EXPECT_EQ(walk.parent(), kRoot);
  ASSERT_TRUE(walk.next());
  EXPECT_EQ(walk.parent(), kRoot);
  ASSERT_TRUE(walk.next());
  EXPECT_EQ(walk.parent(), dir);
  EXPECT_FALSE(walk.next());
}

}  // namespace
}  // namespace msb::tree
