#include "tree/tree.h"

#include <gtest/gtest.h>

namespace msb::tree {
namespace {

TEST(Tree, FindsByPath) {
  Tree tree;
  const Id dir = tree.add(Kind::directory);
  const Id file = tree.add(Kind::regular);
  tree.link(kRoot, "d", dir);
  tree.link(dir, "f", file);
  EXPECT_EQ(tree.find(""), kRoot);
  EXPECT_EQ(tree.find("d/f"), file);
  EXPECT_EQ(tree.find("d/g"), kNone);
  EXPECT_EQ(tree.find("d/f/g"), kNone);
}

TEST(Tree, CountsNamesOfAnInode) {
  Tree tree;
  const Id file = tree.add(Kind::regular);
  tree.link(kRoot, "a", file);
  tree.link(kRoot, "b", file);
  EXPECT_EQ(tree.at(file).links, 2U);
  tree.link(kRoot, "a", tree.add(Kind::fifo));
  EXPECT_EQ(tree.at(file).links, 1U);
  tree.link(kRoot, "b", file);  // linking a name to what it already is changes nothing
  EXPECT_EQ(tree.at(file).links, 1U);
}

TEST(Tree, RemovingADirectoryDropsWhatIsBelow) {
  Tree tree;
  const Id dir = tree.add(Kind::directory);
  const Id file = tree.add(Kind::regular);
  tree.link(kRoot, "d", dir);
  tree.link(dir, "f", file);
  tree.link(kRoot, "f", file);
  EXPECT_TRUE(tree.unlink(kRoot, "d"));
  EXPECT_FALSE(tree.unlink(kRoot, "d"));
  EXPECT_EQ(tree.at(file).links, 1U);
}

TEST(Tree, ChildrenAreInBytewiseOrder) {
  Tree tree;
  for (const char* name : {"b", "\xff", "A", "a.b", "a"}) tree.link(kRoot, name, tree.add(Kind::regular));
  std::vector<std::string> names;
  for (const auto& [name, id] : *tree.root().children) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"A", "a", "a.b", "b", "\xff"}));
}

}  // namespace
}  // namespace msb::tree
