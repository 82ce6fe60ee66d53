#include "erofs/reader.h"

#include <gtest/gtest.h>

#include "erofs/layer_writer.h"
#include "support/file_digest.h"
#include "support/image_fixtures.h"
#include "support/result.h"
#include "support/tree_builder.h"
#include "tree/walk.h"

namespace msb::erofs {
namespace {

using test::TreeBuilder;

os::File write(TreeBuilder& builder) {
  const Call call;
  const auto layout = plan_layer(builder.tree(), call);
  auto out = os::File::temporary(os::real_fs(), testing::TempDir());
  EXPECT_TRUE(write_layer(builder.tree(), *layout, builder.spool(), *out, call).ok());
  return std::move(*out);
}

TEST(LayerReader, GivesBackWhatWasWritten) {
  TreeBuilder layer;
  layer.directory("d", 01777).uid = 12;
  layer.file("d/f", std::string(9000, 'f'), 04755).gid = 70000;
  layer.hard_link("g", "d/f");
  layer.symlink("s", std::string(4096, 's'));
  layer.symlink("t", "d/f");
  layer.whiteout("w");
  tree::Inode& disk = layer.add(tree::Kind::block, "disk", 0660);
  disk.rdev_major = 300;
  disk.rdev_minor = 70000;
  layer.add(tree::Kind::fifo, "fifo", 0600);
  layer.add(tree::Kind::socket, "socket", 0600);
  layer.directory("o");
  layer.at("o").opaque = layer.at("o").opaque_mark = true;
  layer.implicit("i");
  for (int i = 0; i < 1000; ++i) layer.file("i/" + std::to_string(i), "");

  const os::File file = write(layer);
  const auto read = read_layer(file, Call());
  ASSERT_TRUE(read.ok()) << read.error().message();
  tree::Walk theirs(*read);
  for (tree::Walk ours(layer.tree()); ours.next();) {
    ASSERT_TRUE(theirs.next());
    EXPECT_EQ(ours.path(), theirs.path());
    const tree::Inode& a = layer.tree().at(ours.id());
    const tree::Inode& b = read->at(theirs.id());
    EXPECT_EQ(a.kind, b.kind) << ours.path();
    EXPECT_EQ(a.mode, b.mode) << ours.path();
    EXPECT_EQ(a.uid, b.uid);
    EXPECT_EQ(a.gid, b.gid);
    EXPECT_EQ(a.links, b.links);
    EXPECT_EQ(a.header_mtime, b.mtime) << ours.path();
    EXPECT_EQ(a.size, b.size);
    EXPECT_EQ(a.rdev_major, b.rdev_major);
    EXPECT_EQ(a.rdev_minor, b.rdev_minor);
    EXPECT_EQ(a.target(), b.target());
    EXPECT_EQ(a.opaque, b.opaque);
    EXPECT_EQ(a.implicit, b.implicit);
    EXPECT_TRUE(b.xattrs().empty());
  }
  EXPECT_FALSE(theirs.next());
  std::string content(9000, '?');
  const uint64_t at = read->at(read->find("g")).data_offset;
  ASSERT_TRUE(file.read_exactly_at(std::as_writable_bytes(std::span(content)), at).ok());
  EXPECT_EQ(content, std::string(9000, 'f'));
}

TEST(LayerReader, AndWriterReproduceLayersOfMicrosandbox) {
  const auto layers = test::cached_files("layers");
  ASSERT_FALSE(layers.empty());
  for (const auto& path : layers) {
    const auto golden = os::File::open_regular(os::real_fs(), AT_FDCWD, path.string());
    ASSERT_TRUE(golden.ok());
    const auto tree = read_layer(*golden, Call());
    ASSERT_TRUE(tree.ok()) << tree.error().message();
    const auto layout = plan_layer(*tree, Call());
    ASSERT_TRUE(layout.ok());
    const auto out = os::File::temporary(os::real_fs(), testing::TempDir());
    ASSERT_TRUE(write_layer(*tree, *layout, *golden, *out, Call()).ok());
    EXPECT_EQ(test::sha256_hex(*out), test::sha256_hex(*golden)) << path;
  }
  EXPECT_EQ(layers.size(), 12U);
}

TEST(LayerReader, RefusesEveryFlippedByteOfTheHeadOrReadsATree) {
  TreeBuilder layer;
  layer.directory("d");
  layer.file("d/f", "content");
  layer.symlink("s", "d/f");
  const os::File file = write(layer);
  std::vector<std::byte> bytes(static_cast<size_t>(*file.size()));
  ASSERT_TRUE(file.read_exactly_at(bytes, 0).ok());
  // Under the checksum: always noticed. Metadata behind it: any answer but a crash.
  for (size_t i = 1024; i < 4096 + 600; ++i) {
    const std::byte flipped = bytes[i] ^ std::byte{0x41};
    ASSERT_TRUE(file.write_at({&flipped, 1}, i).ok());
    const auto read = read_layer(file, Call());
    ASSERT_TRUE(i >= 4096 || !read.ok()) << i;
    ASSERT_TRUE(read.ok() || read.error().status() == Status::image_invalid) << i;
    ASSERT_TRUE(file.write_at({&bytes[i], 1}, i).ok());
  }
  EXPECT_TRUE(read_layer(file, Call()).ok());
}

// The files are made by tests/golden/make_erofs_rejects.py from one that is right, which is in the fuzz corpus.
TEST(LayerReader, RefusesEveryReject) {
  const auto right =
      os::File::open_regular(os::real_fs(), AT_FDCWD, test::tests_path("fuzz/corpus/erofs/layer.erofs").string());
  ASSERT_OK(right);
  EXPECT_OK(read_layer(*right, Call()));
  int files = 0;
  for (const auto& reject : std::filesystem::directory_iterator(test::tests_path("golden/reject/erofs"))) {
    const auto file = os::File::open_regular(os::real_fs(), AT_FDCWD, reject.path().string());
    ASSERT_OK(file);
    const auto tree = read_layer(*file, Call());
    EXPECT_STATUS(Status::image_invalid, tree) << reject.path();
    ++files;
  }
  EXPECT_GE(files, 50);
}

TEST(LayerReader, RefusesAFileThatWasCut) {
  TreeBuilder layer;
  layer.file("f", "content");
  const os::File file = write(layer);
  ASSERT_TRUE(file.truncate(*file.size() - 1).ok());
  EXPECT_EQ(check_file(file).error().status(), Status::image_invalid);
  ASSERT_TRUE(file.truncate(0).ok());
  EXPECT_EQ(check_file(file).error().status(), Status::image_invalid);
}

}  // namespace
}  // namespace msb::erofs
