#include "erofs/layer_writer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/fault_fs.h"
#include "support/file_digest.h"
#include "support/result.h"
#include "support/tree_builder.h"

namespace msb::erofs {
namespace {

using test::TreeBuilder;

struct Written {
  Layout layout;
  os::File file;
};

Written write(TreeBuilder& builder) {
  const Call call;
  auto layout = plan_layer(builder.tree(), call);
  EXPECT_TRUE(layout.ok());
  auto out = os::File::temporary(os::real_fs(), testing::TempDir());
  EXPECT_TRUE(write_layer(builder.tree(), *layout, builder.spool(), *out, call).ok());
  refer_to_layer(builder.tree(), *layout);
  return {std::move(*layout), std::move(*out)};
}

std::string content(const os::File& file, uint64_t offset, size_t length) {
  std::string text(length, '?');
  EXPECT_TRUE(file.read_exactly_at(std::as_writable_bytes(std::span(text)), offset).ok());
  return text;
}

TEST(LayerWriter, PutsBodiesWhereTheTreeSaysAfterwards) {
  TreeBuilder layer;
  // Spooled in another order than the one of the layer, so that not all is one copy.
  layer.file("c", std::string(5000, 'c'));
  layer.file("a", std::string(4096, 'a'));
  layer.file("b", "b");
  layer.file("empty", "");
  const Written written = write(layer);
  EXPECT_EQ(content(written.file, layer.at("a").data_offset, 4096), std::string(4096, 'a'));
  EXPECT_EQ(content(written.file, layer.at("b").data_offset, 4096), "b" + std::string(4095, '\0'));
  EXPECT_EQ(content(written.file, layer.at("c").data_offset, 5000), std::string(5000, 'c'));
  EXPECT_EQ(layer.at("empty").data_offset, 0U);
  EXPECT_EQ(written.layout.blocks, 2U + 4U);
}

TEST(LayerWriter, LeavesHolesOfSparseFiles) {
  TreeBuilder layer;
  tree::Inode& inode = layer.add(tree::Kind::regular, "sparse", 0600);
  inode.size = (64U << 20) + 3;
  inode.data_offset = layer.store("beginend");
  inode.need_extra().sparse = true;
  inode.extra->runs = {{0, 5, 0}, {64U << 20, 3, 5}};
  const Written written = write(layer);
  EXPECT_LT(written.file.status()->st_blocks * 512, 1 << 20);
  EXPECT_EQ(content(written.file, inode.data_offset, 6), std::string("begin\0", 6));
  EXPECT_EQ(content(written.file, inode.data_offset + (64U << 20), 3), "end");
  EXPECT_EQ(inode.extra->runs[1].stored, 64U << 20);
}

TEST(LayerWriter, PlansTheSameAgainOnceTheTreeRefersToTheLayer) {
  TreeBuilder layer;
  layer.file("f", std::string(10000, 'f'));
  layer.directory("many");
  for (int i = 0; i < 500; ++i) layer.file("many/" + std::string(40, 'n') + std::to_string(i), "x");
  layer.symlink("link", std::string(4095, 't'));
  const Written written = write(layer);
  const auto again = plan_layer(layer.tree(), Call());
  ASSERT_TRUE(again.ok());
  for (size_t id = 0; id < layer.tree().inode_count(); ++id) {
    EXPECT_EQ(again->placements[id].nid, written.layout.placements[id].nid);
    EXPECT_EQ(again->placements[id].block, written.layout.placements[id].block);
  }
}

/// A layer whose bodies are spooled in its own order, with data of directories and symlinks between them.
void fill_in_order(TreeBuilder& layer) {
  layer.directory("a");
  for (int i = 100; i < 600; ++i) layer.file("a/" + std::string(60, 'n') + std::to_string(i), std::to_string(i));
  layer.file("b", std::string(20 << 20, 'b'));
  layer.symlink("c", std::string(4096, 's'));
  layer.file("d", std::string(5000, 'd'));
  layer.directory("e");
  for (int i = 100; i < 400; ++i) layer.directory("e/" + std::to_string(i));
}

TEST(LayerWriter, TurnsASpoolInOrderIntoTheLayer) {
  TreeBuilder layer;
  fill_in_order(layer);
  const auto layout = plan_layer(layer.tree(), Call());
  ASSERT_OK(layout);
  const auto written = os::File::temporary(os::real_fs(), testing::TempDir());
  ASSERT_OK(write_layer(layer.tree(), *layout, layer.spool(), *written, Call()));
  const auto converted = convert_spool(layer.tree(), *layout, layer.spool(), Call());
  ASSERT_OK(converted);
  if (!*converted) GTEST_SKIP() << "the file system of " << testing::TempDir() << " cannot insert";
  EXPECT_EQ(test::sha256_hex(layer.spool()), test::sha256_hex(*written));
}

TEST(LayerWriter, LeavesASpoolInAnotherOrderAlone) {
  TreeBuilder layer;
  layer.file("b", std::string(20 << 20, 'b'));
  layer.file("a", "a");
  const std::string before = test::sha256_hex(layer.spool());
  const auto layout = plan_layer(layer.tree(), Call());
  const auto converted = convert_spool(layer.tree(), *layout, layer.spool(), Call());
  ASSERT_OK(converted);
  EXPECT_FALSE(*converted);
  EXPECT_EQ(test::sha256_hex(layer.spool()), before);
}

TEST(LayerWriter, MeetsEveryFaultWithTheRightBytesOrAnError) {
  TreeBuilder layer;
  layer.file("a", std::string(300'000, 'a'));
  layer.directory("b");
  for (int i = 0; i < 300; ++i) layer.file("b/" + std::to_string(i), "x");
  layer.file("c", std::string(5000, 'c'));
  const auto layout = plan_layer(layer.tree(), Call());
  const auto right = os::File::temporary(os::real_fs(), testing::TempDir());
  ASSERT_OK(write_layer(layer.tree(), *layout, layer.spool(), *right, Call()));
  for (const auto fault : {test::Fault::fail, test::Fault::no_space, test::Fault::short_io}) {
    for (unsigned n = 1;; ++n) {
      test::FaultFs fs(fault, n);
      const auto out = os::File::temporary(fs, testing::TempDir());
      if (!out) continue;
      const auto done = write_layer(layer.tree(), *layout, layer.spool(), *out, Call());
      if (done) {
        EXPECT_TRUE(fault != test::Fault::fail || !fs.reached());
        const auto content =
            os::File::open(os::real_fs(), AT_FDCWD, "/proc/self/fd/" + std::to_string(out->fd()), O_RDONLY);
        EXPECT_EQ(test::sha256_hex(*content), test::sha256_hex(*right));
      } else {
        EXPECT_STATUS(Status::io, done);
      }
      if (!fs.reached()) break;
    }
  }
}

TEST(LayerWriter, RefusesWhatTheKernelWouldRefuse) {
  TreeBuilder layer;
  layer.directory("d");
  layer.file("d/" + std::string(256, 'n'), "");
  const auto layout = plan_layer(layer.tree(), Call());
  ASSERT_FALSE(layout.ok());
  EXPECT_EQ(layout.error().status(), Status::image_invalid);
  EXPECT_EQ(*layout.error().fact("member"), "d/" + std::string(256, 'n'));
}

TEST(LayerWriter, RefusesMoreThanBlockNumbersCanReach) {
  TreeBuilder layer;
  tree::Inode& inode = layer.add(tree::Kind::regular, "huge", 0600);
  inode.size = uint64_t{1} << 44;
  inode.need_extra().sparse = true;
  EXPECT_EQ(plan_layer(layer.tree(), Call()).error().status(), Status::image_invalid);
}

TEST(LayerWriter, StopsWhenCancelled) {
  TreeBuilder layer;
  layer.file("f", std::string(10000, 'f'));
  CancelToken token;
  token.trigger();
  const Call call(&token, Call::Clock::time_point::max(), nullptr, std::chrono::milliseconds(0));
  EXPECT_EQ(plan_layer(layer.tree(), call).error().status(), Status::cancelled);
}

}  // namespace
}  // namespace msb::erofs
