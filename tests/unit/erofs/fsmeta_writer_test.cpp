#include "erofs/fsmeta_writer.h"

#include <gtest/gtest.h>

#include "erofs/layer_writer.h"
#include "erofs/reader.h"
#include "support/file_digest.h"
#include "support/image_fixtures.h"
#include "support/result.h"
#include "support/tree_builder.h"
#include "tree/merge.h"

namespace msb::erofs {
namespace {

using test::TreeBuilder;

Result<os::File> write(const tree::Tree& tree, std::span<const uint32_t> layer_blocks) {
  MSB_TRY(const Layout layout, plan_fsmeta(tree, layer_blocks.size(), Call()));
  MSB_TRY(os::File out, os::File::temporary(os::real_fs(), testing::TempDir()));
  MSB_CHECK(write_fsmeta(tree, layout, layer_blocks, out, Call()));
  return out;
}

/// Adds what microsandbox shows of an image and should not.
void add_flaws(const std::string& image, tree::Tree& tree) {
  if (image == "f2-layers") {  // a whiteout in a new directory
    const tree::Id ghost = tree.add(tree::Kind::character);
    tree.at(ghost).mode = 0644;
    tree.at(ghost).mtime = TreeBuilder::kTime;
    tree.link(tree.find("newdir"), "ghost", ghost);
  } else if (image == "f4-names") {  // a directory with the name of a whiteout
    const tree::Id marker = tree.add(tree::Kind::directory);
    tree.at(marker).mode = 0755;
    tree.at(marker).mtime = TreeBuilder::kTime;
    tree.link(tree::kRoot, ".wh..wh.plnk", marker);
  }
}

TEST(Fsmeta, EqualsMicrosandboxsButForItsFlaws) {
  for (const test::ImageFixture& image : test::image_fixtures()) {
    SCOPED_TRACE(image.manifest);
    tree::Tree merged;
    std::vector<uint32_t> blocks;
    for (const char* diff_id : image.layers) {
      const auto path = test::cached_file(image.name, "layers", diff_id);
      const auto file = os::File::open_regular(os::real_fs(), AT_FDCWD, path.string());
      ASSERT_OK(file);
      auto layer = read_layer(*file, Call());
      ASSERT_OK(layer);
      ASSERT_OK(tree::apply_layer(merged, std::move(*layer), static_cast<uint32_t>(blocks.size()), Call()));
      blocks.push_back(static_cast<uint32_t>(*file->size() / kBlock));
    }
    add_flaws(image.name, merged);
    const auto ours = write(merged, blocks);
    ASSERT_OK(ours);
    const auto path = test::cached_file(image.name, "fsmeta", image.manifest);
    const auto theirs = os::File::open_regular(os::real_fs(), AT_FDCWD, path.string());
    ASSERT_OK(theirs);
    EXPECT_EQ(test::sha256_hex(*ours), test::sha256_hex(*theirs));
  }
}

TEST(Fsmeta, RefusesFilesOutsideTheirLayer) {
  TreeBuilder layer;
  layer.file("d", std::string(4097, 'x')).data_offset = 2 * kBlock;
  const uint32_t enough[] = {4};
  const uint32_t short_of_one[] = {3};
  EXPECT_OK(write(layer.tree(), enough));
  const auto refused = write(layer.tree(), short_of_one);
  EXPECT_STATUS(Status::image_invalid, refused);
  EXPECT_EQ(*refused.error().fact("member"), "d");
  layer.at("d").source = 1;
  EXPECT_STATUS(Status::image_invalid, write(layer.tree(), enough));
  layer.at("d").source = 0;
  layer.at("d").data_offset = 12;
  EXPECT_STATUS(Status::image_invalid, write(layer.tree(), enough));
}

TEST(Fsmeta, RefusesAttributesThatDoNotFit) {
  TreeBuilder layer;
  layer.file("f", "").need_extra().xattrs = {{"user.big", std::string(65536, 'x')}};
  const auto refused = plan_fsmeta(layer.tree(), 0, Call());
  EXPECT_STATUS(Status::image_invalid, refused);
  EXPECT_EQ(*refused.error().fact("member"), "f");
  layer.at("f").extra->xattrs = {{"user." + std::string(251, 'n'), ""}};
  EXPECT_STATUS(Status::image_invalid, plan_fsmeta(layer.tree(), 0, Call()));
  layer.at("f").extra->xattrs.clear();
  for (char c = 'a'; c < 'f'; ++c)
    layer.at("f").extra->xattrs.push_back({std::string("user.") + c, std::string(60000, c)});
  EXPECT_STATUS(Status::image_invalid, plan_fsmeta(layer.tree(), 0, Call()));
}

TEST(Fsmeta, MakesRoomForTheDeviceTable) {
  TreeBuilder none;
  for (const auto& [devices, meta_block] : {std::pair<size_t, uint32_t>{0, 1}, {23, 1}, {24, 2}, {1000, 32}}) {
    const auto layout = plan_fsmeta(none.tree(), devices, Call());
    ASSERT_OK(layout);
    EXPECT_EQ(layout->meta_block, meta_block) << devices;
    const std::vector<uint32_t> blocks(devices, 2);
    const auto file = write(none.tree(), blocks);
    ASSERT_OK(file);
    EXPECT_OK(check_file(*file));
    const auto read = read_layer_blocks(*file);
    ASSERT_OK(read);
    EXPECT_EQ(*read, blocks);
  }
  EXPECT_STATUS(Status::image_invalid, plan_fsmeta(none.tree(), 65536, Call()));
}

TEST(Fsmeta, IsNotTakenForALayerNorALayerForIt) {
  TreeBuilder none;
  const uint32_t blocks[] = {2};
  const auto fsmeta = write(none.tree(), blocks);
  ASSERT_OK(fsmeta);
  EXPECT_STATUS(Status::image_invalid, read_layer(*fsmeta, Call()));
  const auto layer = os::File::temporary(os::real_fs(), testing::TempDir());
  ASSERT_OK(write_layer(none.tree(), *plan_layer(none.tree(), Call()), none.spool(), *layer, Call()));
  EXPECT_STATUS(Status::image_invalid, read_layer_blocks(*layer));
}

TEST(Fsmeta, WhoseLayersDoNotFollowIsRefused) {
  TreeBuilder none;
  const uint32_t blocks[] = {2, 3, 4};
  const auto fsmeta = write(none.tree(), blocks);
  ASSERT_OK(fsmeta);
  std::vector<std::byte> head(kBlock);
  ASSERT_OK(fsmeta->read_exactly_at(head, 0));
  store_le<uint32_t>(head, kDeviceTable + kDeviceSlot + kDeviceMapped, 1);
  const auto super = decode_superblock(head);
  EXPECT_STATUS(Status::image_invalid, super);  // the checksum covers the table
  Superblock sealed;
  sealed.feature_incompat = kFeatureChunkedFile | kFeatureDeviceTable;
  sealed.inodes = 1;
  sealed.blocks = 2;
  sealed.devices = 3;
  encode_superblock(sealed, head);
  ASSERT_OK(fsmeta->write_at(head, 0));
  EXPECT_OK(check_file(*fsmeta));
  EXPECT_STATUS(Status::image_invalid, read_layer_blocks(*fsmeta));
}

TEST(Fsmeta, RefusesLayersThatNoBlockNumberReaches) {
  TreeBuilder none;
  const uint32_t blocks[] = {UINT32_MAX / 2, UINT32_MAX / 2};
  EXPECT_STATUS(Status::image_invalid, write(none.tree(), blocks));
}

}  // namespace
}  // namespace msb::erofs
