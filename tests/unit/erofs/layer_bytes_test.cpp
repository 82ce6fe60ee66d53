// Layer files are a function of the tree, and the function is microsandbox's: the digests here are those of files that
// its release 0.6.14 wrote for archives with these members.
#include <gtest/gtest.h>

#include "erofs/layer_writer.h"
#include "support/file_digest.h"
#include "support/tree_builder.h"

namespace msb::erofs {
namespace {

using test::TreeBuilder;

std::string layer_digest(TreeBuilder& builder) {
  const Call call;
  const auto layout = plan_layer(builder.tree(), call);
  EXPECT_TRUE(layout.ok());
  const auto out = os::File::temporary(os::real_fs(), testing::TempDir());
  const auto done = write_layer(builder.tree(), *layout, builder.spool(), *out, call);
  EXPECT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(*out->size(), layout->file_size());
  return test::sha256_hex(*out);
}

TEST(LayerBytes, OfAnEmptyLayer) {
  TreeBuilder layer;
  EXPECT_EQ(layer_digest(layer), "f9de11d7125d444d96bde9c8e71cea9da6508cbaa2632dc3437e048229a9956a");
}

TEST(LayerBytes, OfASmallFile) {
  TreeBuilder layer;
  layer.file("a", "x");
  EXPECT_EQ(layer_digest(layer), "3c36bd76fbac300a2a4c352eb9892c0abf6c36bcbc9ecece6b9c767f41a270a8");
}

TEST(LayerBytes, OfADirectory) {
  TreeBuilder layer;
  layer.directory("a");
  layer.file("a/b", "y");
  EXPECT_EQ(layer_digest(layer), "ebfaf54b8a2b35aeeb3a27c53d25653fc4fdf03af20e1d41bf31c69b717f0a0e");
}

TEST(LayerBytes, OfHardLinks) {
  TreeBuilder layer;
  layer.file("a", "x");
  layer.hard_link(".wh.b", "a");
  EXPECT_EQ(layer_digest(layer), "e337f50ba5bc3c62f468080772d81ca1f0b8e7385dc5892f44cb3b09a1993049");
}

TEST(LayerBytes, OfAnOpaqueRoot) {
  TreeBuilder layer;
  layer.file("a", "x");
  layer.at("").opaque = layer.at("").opaque_mark = true;
  EXPECT_EQ(layer_digest(layer), "4ce4dea7a7c576c144c09ae7e2800015ca58a449e68b2fcb7054888b85a6c8db");
}

TEST(LayerBytes, OfAnOpaqueImplicitDirectory) {
  TreeBuilder layer;
  layer.implicit("d").opaque = true;
  layer.at("d").opaque_mark = true;
  layer.file("d/x", "1");
  EXPECT_EQ(layer_digest(layer), "1406b828fd13838259c454dc2fd727ab2658d8400c095aefd3b79f6f4cae1d3e");
}

TEST(LayerBytes, ShowNoOpaqueDirectoryThatHasNoMark) {
  TreeBuilder layer;
  layer.directory("d", 0700).opaque = true;
  layer.file("d/x", "1");
  EXPECT_EQ(layer_digest(layer), "f158b53d1dcadde640d8fb10f5348f1e9fdf876f1b7142c3e986803e51d91f80");
}

TEST(LayerBytes, ShowNothingThatTheFormatCannotHold) {
  TreeBuilder layer;
  layer.file("a", "x").mtime_nsec = 5;
  layer.at("a").mtime = 17;
  layer.at("a").need_extra().xattrs = {{"user.k", "v"}};
  layer.at("").mode = 01777;
  layer.at("").uid = 7;
  layer.at("").header_mtime = 9;
  layer.lower_link("b", "lower");
  EXPECT_EQ(layer_digest(layer), "3c36bd76fbac300a2a4c352eb9892c0abf6c36bcbc9ecece6b9c767f41a270a8");
}

}  // namespace
}  // namespace msb::erofs
