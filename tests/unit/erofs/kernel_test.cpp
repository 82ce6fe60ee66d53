// What the kernel shows of the files is what was put into them. Needs root.
#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "erofs/fsmeta_writer.h"
#include "erofs/layer_writer.h"
#include "erofs/reader.h"
#include "support/image_fixtures.h"
#include "support/mount.h"
#include "support/result.h"
#include "support/temp_dir.h"
#include "support/tree_builder.h"
#include "support/tree_dump.h"
#include "tree/merge.h"

namespace msb::erofs {
namespace {

using test::TreeBuilder;
using Lines = std::vector<std::string>;

class KernelTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = test::reason_not_to_mount()) GTEST_SKIP() << *reason;
  }

  /// An image whose files lie in dir_, made of layers as the cache makes it.
  struct Image {
    tree::Tree tree;
    std::vector<std::string> layers;
    std::vector<os::File> files;
    std::vector<const os::File*> sources;
    std::vector<uint32_t> blocks;
    std::string fsmeta;
  };

  Done add_layer(Image& image, tree::Tree tree, const std::string& path) {
    MSB_TRY(os::File file, os::File::open_regular(os::real_fs(), AT_FDCWD, path));
    MSB_TRY(const uint64_t size, file.size());
    const auto source = static_cast<uint32_t>(image.layers.size());
    MSB_CHECK(tree::apply_layer(image.tree, std::move(tree), source, Call()));
    image.layers.push_back(path);
    image.blocks.push_back(static_cast<uint32_t>(size / kBlock));
    image.files.push_back(std::move(file));
    return {};
  }

  Done add_layer(Image& image, TreeBuilder& layer) {
    const std::string path = dir_ / ("layer" + std::to_string(image.layers.size()));
    MSB_TRY(const Layout layout, plan_layer(layer.tree(), Call()));
    MSB_TRY(const os::File out, os::File::open(os::real_fs(), AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL));
    MSB_CHECK(write_layer(layer.tree(), layout, layer.spool(), out, Call()));
    refer_to_layer(layer.tree(), layout);
    return add_layer(image, std::move(layer.tree()), path);
  }

  Done finish(Image& image) {
    image.fsmeta = dir_ / "fsmeta";
    MSB_TRY(const Layout layout, plan_fsmeta(image.tree, image.layers.size(), Call()));
    MSB_TRY(const os::File out, os::File::open(os::real_fs(), AT_FDCWD, image.fsmeta, O_RDWR | O_CREAT | O_TRUNC));
    for (const os::File& file : image.files) image.sources.push_back(&file);
    return write_fsmeta(image.tree, layout, image.blocks, out, Call());
  }

  /// fsmeta and layers in one file, as a VMDK joins them.
  std::string joined(const Image& image) {
    const std::string path = dir_ / "joined";
    test::write_text(path, "");
    const auto out = os::File::open(os::real_fs(), AT_FDCWD, path, O_RDWR);
    uint64_t end = 0;
    std::vector<std::string> parts = image.layers;
    parts.insert(parts.begin(), image.fsmeta);
    for (const std::string& part : parts) {
      const auto file = os::File::open_regular(os::real_fs(), AT_FDCWD, part);
      EXPECT_OK(out->copy_range(*file, 0, end, *file->size(), Call()));
      end += *file->size();
    }
    return path;
  }

  void expect_shown(const Image& image, const Lines& expected) {
    {
      const test::ErofsMount mount(image.fsmeta, image.layers);
      ASSERT_TRUE(mount) << mount.error();
      EXPECT_EQ(test::dump_directory(mount.path()), expected);
    }
    const test::ErofsMount mount(joined(image));
    ASSERT_TRUE(mount) << mount.error();
    EXPECT_EQ(test::dump_directory(mount.path()), expected);
  }

  test::TempDir dir_;
};

TEST_F(KernelTest, ShowsTheGoldenImages) {
  for (const test::ImageFixture& fixture : test::image_fixtures()) {
    SCOPED_TRACE(fixture.manifest);
    Image image;
    for (const char* diff_id : fixture.layers) {
      const std::string path = test::cached_file(fixture.name, "layers", diff_id).string();
      const auto file = os::File::open_regular(os::real_fs(), AT_FDCWD, path);
      auto tree = read_layer(*file, Call());
      ASSERT_OK(tree);
      ASSERT_OK(add_layer(image, std::move(*tree), path));
    }
    ASSERT_OK(finish(image));
    const auto listing =
        test::upstream_path(std::string("images/") + fixture.name + "/tree." + fixture.manifest + ".tsv");
    Lines expected = test::dump_golden(test::read_file(listing));
    // Whiteouts that microsandbox leaves in the image.
    std::erase_if(expected, [](const std::string& line) {
      return line.starts_with("newdir/ghost\t") || line.starts_with(".wh..wh.plnk\t");
    });
    expect_shown(image, expected);
  }
}

TEST_F(KernelTest, ShowsEverythingAnImageCanHold) {
  TreeBuilder lower;
  tree::Inode& root = lower.at("");
  root.implicit = false;
  root.mode = 01771;
  root.uid = 3;
  root.mtime = 1'234'567'890;
  root.mtime_nsec = 5;
  root.need_extra().xattrs = {{"user.of", "the root"}};

  lower.file("capable", std::string(10'000, 'c'), 0755).need_extra().xattrs = {
      {"security.capability", std::string("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)}};
  lower.file("odd", "an area of 12 + 8 + 4 bytes, so the chunks need a gap").need_extra().xattrs = {{"user.a", "bcd"}};
  lower.file("empty", "").need_extra().xattrs = {{"user.a", ""}};
  // user::rw-, user:7:r--, group::r--, mask::r--, other::---
  const std::string acl(
      "\2\0\0\0\1\0\6\0\xff\xff\xff\xff\2\0\4\0\7\0\0\0\4\0\4\0\xff\xff\xff\xff\20\0\4\0\xff\xff\xff\xff "
      "\0\0\0\xff\xff\xff\xff",
      44);
  lower.file("acl", "acl", 0640).need_extra().xattrs = {{"system.posix_acl_access", acl}};
  lower.directory("dir").need_extra().xattrs = {{"system.posix_acl_default", acl}, {"trusted.t", "t"}};
  lower.file("large", "x").need_extra().xattrs = {{"user.1", std::string(30'000, '1')},
                                                  {"user.2", std::string(30'000, '2')}};
  lower.file("negative", "").mtime = -1;
  lower.at("negative").mtime_nsec = 999'999'999;
  lower.symlink("link", std::string(4095, 'l')).need_extra().xattrs = {{"trusted.on", "a link"}};
  lower.add(tree::Kind::fifo, "fifo", 0600);
  lower.add(tree::Kind::socket, "socket", 0600);
  tree::Inode& device = lower.add(tree::Kind::block, "device", 0660);
  device.rdev_major = 259;
  device.rdev_minor = 70'000;
  lower.file("owned", "o", 06755).uid = 4'000'000'000;
  lower.directory("many");
  for (int i = 0; i < 2000; ++i) lower.file("many/" + std::to_string(i) + std::string(100, 'n'), "");
  lower.file("!before-the-dots", "b");
  lower.file(std::string(255, '\xff'), "long");
  for (int depth = 0; depth < 100; ++depth) {
    lower.directory("dir" + [&] {
      std::string path;
      for (int i = 0; i <= depth; ++i) path += "/d";
      return path;
    }());
  }

  tree::Inode& sparse = lower.add(tree::Kind::regular, "sparse", 0600);
  sparse.size = 3'000'001;
  sparse.data_offset = lower.store("beginning in the middle end");
  sparse.need_extra().sparse = true;
  sparse.extra->runs = {{0, 9, 0}, {1'000'000, 14, 9}, {2'999'997, 4, 23}};
  tree::Inode& hollow = lower.add(tree::Kind::regular, "hollow", 0600);
  hollow.size = 100'000;
  hollow.need_extra().sparse = true;

  TreeBuilder upper;
  upper.lower_link("linked", "capable");
  upper.lower_link("symlinked", "link");
  upper.whiteout("empty");
  upper.file("owned", std::string(70'000, 'u'));
  upper.implicit("dir");
  upper.file("dir/new", "n");

  Image image;
  ASSERT_OK(add_layer(image, lower));
  ASSERT_OK(add_layer(image, upper));
  ASSERT_OK(finish(image));
  const Lines expected = test::dump_tree(image.tree, image.sources);
  ASSERT_GT(expected.size(), 2100U);
  expect_shown(image, expected);

  const test::ErofsMount mount(image.fsmeta, image.layers);
  const auto file = os::File::open_regular(os::real_fs(), AT_FDCWD, mount.path() / "sparse");
  ASSERT_OK(file);
  EXPECT_EQ(os::real_fs().seek(file->fd(), 4096, SEEK_DATA), 1'000'000 / 4096 * 4096);
  struct stat first {};
  struct stat second {};
  ASSERT_EQ(::stat((mount.path() / "capable").c_str(), &first), 0);
  ASSERT_EQ(::stat((mount.path() / "linked").c_str(), &second), 0);
  EXPECT_EQ(first.st_ino, second.st_ino);
}

TEST_F(KernelTest, ShowsAnImageWithoutLayers) {
  Image image;
  ASSERT_OK(finish(image));
  expect_shown(image, {".\td\t0755\t0\t0\t2\t-\t0\t-\t-"});
}

TEST_F(KernelTest, ShowsALayerByItself) {
  TreeBuilder layer;
  layer.directory("d").opaque = true;
  layer.at("d").opaque_mark = true;
  layer.file("d/f", std::string(5000, 'f'));
  layer.whiteout("gone");
  Image image;
  ASSERT_OK(add_layer(image, layer));
  const test::ErofsMount mount(image.layers[0]);
  ASSERT_TRUE(mount) << mount.error();
  const Lines lines = test::dump_directory(mount.path());
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[1], "d\td\t0755\t0\t0\t2\t-\t1700000000\ttrusted.overlay.opaque=79\t-");
  EXPECT_EQ(lines[3], "gone\tc\t0644\t0\t0\t1\t0\t1700000000\t-\t0:0");
}

TEST(Fsck, FindsLayersInOrder) {
  if (std::system("command -v fsck.erofs > /dev/null") != 0) GTEST_SKIP() << "fsck.erofs is not installed";
  const test::TempDir dir;
  TreeBuilder layer;
  layer.directory("d").opaque = true;
  layer.at("d").opaque_mark = true;
  for (int i = 0; i < 300; ++i) layer.file("d/" + std::to_string(i), std::string(static_cast<size_t>(i) * 50, 'x'));
  layer.hard_link("e", "d/299");
  layer.symlink("s", std::string(4000, 's'));
  layer.whiteout("gone");
  const auto layout = plan_layer(layer.tree(), Call());
  ASSERT_OK(layout);
  const auto out = os::File::open(os::real_fs(), AT_FDCWD, dir / "layer", O_RDWR | O_CREAT);
  ASSERT_OK(write_layer(layer.tree(), *layout, layer.spool(), *out, Call()));
  EXPECT_EQ(std::system(("fsck.erofs --extract " + (dir / "layer") + " > /dev/null").c_str()), 0);
}

}  // namespace
}  // namespace msb::erofs
