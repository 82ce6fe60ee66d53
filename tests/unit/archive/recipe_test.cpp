#include "archive/recipe.h"

#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include "archive/layer_ingest.h"
#include "archive/recipe_writer.h"
#include "support/streams.h"
#include "support/tar_builder.h"

namespace msb::archive {
namespace {

using test::noise;
using test::TarBuilder;

const Call kCall;

os::File temporary() {
  auto file = os::File::temporary(os::real_fs(), testing::TempDir());
  EXPECT_TRUE(file.ok());
  return std::move(*file);
}

/// Stands for the layer file: bodies in an order of its own, sparse files with their holes.
void lay_out(tree::Tree& tree, const os::File& spool, const os::File& store) {
  uint64_t end = 4096;
  for (size_t n = tree.inode_count(); n-- > 0;) {
    tree::Inode& inode = tree.at(static_cast<tree::Id>(n));
    if (inode.kind != tree::Kind::regular || inode.links == 0 || inode.size == 0) continue;
    std::vector<tree::Run> whole{{0, inode.size, 0}};
    std::vector<tree::Run>& runs = inode.extra && inode.extra->sparse ? inode.extra->runs : whole;
    for (tree::Run& run : runs) {
      EXPECT_TRUE(store.copy_range(spool, inode.data_offset + run.stored, end + run.logical, run.length, kCall).ok());
      run.stored = run.logical;
    }
    inode.data_offset = end;
    end = align_up(end + inode.size, uint64_t{4096});
  }
  EXPECT_TRUE(store.truncate(end).ok());
}

struct Made {
  os::File spool = temporary();
  os::File store = temporary();
  os::File file = temporary();
  Layer layer;
};

std::unique_ptr<Made> make(const std::string& tar) {
  auto made = std::make_unique<Made>();
  RecipeWriter writer(made->file);
  test::StringSource source(tar);
  auto layer = ingest_layer(source, made->spool, kCall, {{}, &writer});
  EXPECT_TRUE(layer.ok()) << layer.error().message();
  if (!layer) return made;
  made->layer = std::move(*layer);
  lay_out(made->layer.tree, made->spool, made->store);
  const Done done = writer.finish(made->layer, made->spool, kCall);
  EXPECT_TRUE(done.ok()) << done.error().message();
  return made;
}

void expect_same(const tree::Tree& a, tree::Id ai, const tree::Tree& b, tree::Id bi, const std::string& path) {
  SCOPED_TRACE(path);
  const tree::Inode& x = a.at(ai);
  const tree::Inode& y = b.at(bi);
  EXPECT_EQ(x.kind, y.kind);
  EXPECT_EQ(std::tie(x.implicit, x.opaque, x.opaque_mark, x.merge_only),
            std::tie(y.implicit, y.opaque, y.opaque_mark, y.merge_only));
  EXPECT_EQ(std::tie(x.mode, x.uid, x.gid, x.links, x.mtime, x.mtime_nsec, x.header_mtime),
            std::tie(y.mode, y.uid, y.gid, y.links, y.mtime, y.mtime_nsec, y.header_mtime));
  EXPECT_EQ(std::tie(x.size, x.data_offset), std::tie(y.size, y.data_offset));
  EXPECT_EQ(x.target(), y.target());
  ASSERT_EQ(x.xattrs().size(), y.xattrs().size());
  for (size_t i = 0; i < x.xattrs().size(); ++i) EXPECT_EQ(x.xattrs()[i].value, y.xattrs()[i].value);
  const size_t runs = x.extra ? x.extra->runs.size() : 0;
  ASSERT_EQ(runs, y.extra ? y.extra->runs.size() : 0);
  for (size_t i = 0; i < runs; ++i) EXPECT_EQ(x.extra->runs[i].stored, y.extra->runs[i].stored);
  if (x.kind != tree::Kind::directory) return;
  ASSERT_EQ(x.children->size(), y.children->size());
  for (const auto& [name, child] : *x.children) {
    ASSERT_NE(b.child(bi, name), tree::kNone) << name;
    expect_same(a, child, b, b.child(bi, name), path + "/" + name);
  }
}

TarBuilder everything() {
  TarBuilder tar;
  tar.directory("./", 0700).add("z", noise(9000, 1)).add("empty", "").add("twice", noise(70000, 2));
  tar.pax({{"SCHILY.xattr.user.a", "value"}, {"mtime", "1.5"}}).add("a", noise(4096, 3)).link("d/l", "a");
  tar.pax({{"GNU.sparse.major", "1"},
           {"GNU.sparse.minor", "0"},
           {"GNU.sparse.name", "s"},
           {"GNU.sparse.realsize", "90000"}});
  tar.add("x", TarBuilder::padded("2\n100\n5000\n80000\n300\n") + noise(5300, 4));
  tar.add("dir/gone", noise(100, 5)).add("dir", "").add("twice", noise(10, 6)).add(".wh.w", noise(600, 7));
  tar.pax(
      {{"GNU.sparse.major", "0"}, {"GNU.sparse.name", "t"}, {"GNU.sparse.size", "10"}, {"GNU.sparse.map", "0,3,5,2"}});
  tar.add("y", "abcde").add("t", "new").link("lower", "not/here").end().raw(noise(2000, 8));
  return tar;
}

TEST(Recipe, MakesTheTarAgain) {
  for (const std::string& tar : {std::string(), TarBuilder().end().str(), everything().str(),
                                 noise(0) + TarBuilder().add("f", noise(2000000)).str()}) {
    const auto made = make(tar);
    const auto recipe = Recipe::open(made->file, kCall);
    ASSERT_TRUE(recipe.ok()) << recipe.error().message();
    EXPECT_EQ(recipe->diff_id(), Digest::sha256_of(as_bytes(tar)));
    EXPECT_EQ(recipe->tar_size(), tar.size());
    for (const size_t step : {1 << 20, 333}) {
      const auto replay = TarReplay::open(*recipe, made->store);
      ASSERT_TRUE(replay.ok());
      const auto text = test::drain(**replay, step);
      ASSERT_TRUE(text.ok()) << text.error().message();
      EXPECT_TRUE(*text == tar);
    }
    const Done intact = verify_layer(*recipe, made->store, kCall);
    EXPECT_TRUE(intact.ok()) << intact.error().message();
  }
}

TEST(Recipe, ReadsTheSameTreeWithoutTheContent) {
  const auto made = make(everything().str());
  const auto recipe = Recipe::open(made->file, kCall);
  ASSERT_TRUE(recipe.ok());
  const auto tree = recipe->read_tree(kCall);
  ASSERT_TRUE(tree.ok()) << tree.error().message();
  expect_same(made->layer.tree, tree::kRoot, *tree, tree::kRoot, "");
}

TEST(Recipe, IsSmall) {
  TarBuilder tar;
  for (int i = 0; i < 2000; ++i) tar.add("usr/share/file" + std::to_string(i), noise(3000, static_cast<uint32_t>(i)));
  const auto made = make(tar.end().str());
  EXPECT_LT(*made->file.size(), 100'000U);  // of 8 MB
}

TEST(Recipe, NoticesADamagedLayerFile) {
  const auto made = make(everything().str());
  const auto recipe = Recipe::open(made->file, kCall);
  ASSERT_TRUE(recipe.ok());
  const uint64_t offset = made->layer.tree.at(made->layer.tree.find("z")).data_offset;
  EXPECT_TRUE(made->store.write_at(as_bytes("?"), offset + 100).ok());
  Done intact = verify_layer(*recipe, made->store, kCall);
  ASSERT_FALSE(intact.ok());
  EXPECT_EQ(intact.error().status(), Status::image_invalid);
  EXPECT_EQ(*intact.error().fact("expected"), recipe->diff_id().text());
  EXPECT_TRUE(made->store.truncate(4096).ok());
  intact = verify_layer(*recipe, made->store, kCall);
  ASSERT_FALSE(intact.ok());
  EXPECT_EQ(intact.error().status(), Status::image_invalid);
}

TEST(Recipe, NoticesAnyChangedByteOfItself) {
  const auto made = make(everything().str());
  const uint64_t size = *made->file.size();
  for (uint64_t offset = 0; offset<size; offset += offset> 200 && offset + 400 < size ? 37 : 1) {
    std::byte byte;
    ASSERT_TRUE(made->file.read_exactly_at({&byte, 1}, offset).ok());
    const std::byte changed = byte ^ std::byte{1};
    ASSERT_TRUE(made->file.write_at({&changed, 1}, offset).ok());
    const auto recipe = Recipe::open(made->file, kCall);
    ASSERT_FALSE(recipe.ok()) << offset;
    EXPECT_EQ(recipe.error().status(), Status::image_invalid);
    ASSERT_TRUE(made->file.write_at({&byte, 1}, offset).ok());
  }
  for (const uint64_t cut : {uint64_t{0}, uint64_t{11}, uint64_t{12}, uint64_t{100}, size / 2, size - 1}) {
    const auto again = make(everything().str());
    ASSERT_TRUE(again->file.truncate(cut).ok());
    EXPECT_FALSE(Recipe::open(again->file, kCall).ok()) << cut;
  }
}

}  // namespace
}  // namespace msb::archive
