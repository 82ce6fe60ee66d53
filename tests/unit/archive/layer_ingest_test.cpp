#include "archive/layer_ingest.h"

#include <gtest/gtest.h>

#include "digest/digest.h"
#include "support/streams.h"
#include "support/tar_builder.h"

namespace msb::archive {
namespace {

using test::noise;
using test::TarBuilder;

os::File temporary() {
  auto file = os::File::temporary(os::real_fs(), testing::TempDir());
  EXPECT_TRUE(file.ok());
  return std::move(*file);
}

std::string content(const os::File& file, uint64_t offset, size_t size) {
  std::string text(size, '?');
  EXPECT_TRUE(file.read_exactly_at(std::as_writable_bytes(std::span(text)), offset).ok());
  return text;
}

TEST(LayerIngest, SpoolsContentInTarOrderAtWholeBlocks) {
  TarBuilder tar;
  tar.add("z", noise(5000, 1)).add("empty", "").add("a", "small").add("big", noise(300000, 2)).link("link", "z");
  const os::File spool = temporary();
  const Call call;
  test::StringSource source(tar.end().str(), 1000);
  const auto layer = ingest_layer(source, spool, call);
  ASSERT_TRUE(layer.ok()) << layer.error().message();
  const auto at = [&](const char* name) -> const tree::Inode& { return layer->tree.at(layer->tree.find(name)); };
  EXPECT_EQ(at("z").data_offset, 0U);
  EXPECT_EQ(at("a").data_offset, 8192U);
  EXPECT_EQ(at("big").data_offset, 12288U);
  EXPECT_EQ(layer->tree.find("link"), layer->tree.find("z"));
  EXPECT_EQ(content(spool, 0, 8192), noise(5000, 1) + std::string(3192, '\0'));
  EXPECT_EQ(content(spool, 8192, 4096), "small" + std::string(4091, '\0'));
  EXPECT_TRUE(content(spool, 12288, 300000) == noise(300000, 2));
  EXPECT_EQ(layer->data_size, 12288U + 303104U);
  EXPECT_EQ(*spool.size(), layer->data_size);
}

TEST(LayerIngest, HashesTheWholeStream) {
  const std::string tar = TarBuilder().add("a", "1").end().raw(noise(1 << 20)).str();
  const os::File spool = temporary();
  const Call call;
  test::StringSource source(tar);
  const auto layer = ingest_layer(source, spool, call);
  ASSERT_TRUE(layer.ok());
  EXPECT_EQ(layer->diff_id, Digest::sha256_of(as_bytes(tar)));
  EXPECT_EQ(layer->tar_size, tar.size());
}

TEST(LayerIngest, NamesTheMemberThatIsCutShort) {
  const os::File spool = temporary();
  const Call call;
  test::StringSource source(TarBuilder().add("whole", "1").add("part", noise(2000)).str().substr(0, 2500));
  const auto layer = ingest_layer(source, spool, call);
  ASSERT_FALSE(layer.ok());
  EXPECT_EQ(layer.error().status(), Status::image_invalid);
  ASSERT_NE(layer.error().fact("member"), nullptr);
  EXPECT_EQ(*layer.error().fact("member"), "part");
}

TEST(LayerIngest, PassesOnFailuresOfItsSource) {
  class Broken final : public ByteSource {
   public:
    Result<size_t> read(MutableBytes) override { return Error::io("read", "/x", EIO); }
  } source;
  const os::File spool = temporary();
  const Call call;
  const auto layer = ingest_layer(source, spool, call);
  ASSERT_FALSE(layer.ok());
  EXPECT_EQ(layer.error().status(), Status::io);
}

}  // namespace
}  // namespace msb::archive
