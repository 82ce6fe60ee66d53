// What a layer's members mean. Each test names members and compares the tree, one line per name:
//   <path> <kind><octal mode> [flags]   with o = opaque, m = opaque mark in the layer file, i = implicit,
//                                       w = whiteout, x = merge only, l<n> = n names, ->target, =>link to a lower file

#include "archive/layer_tree.h"

#include <gtest/gtest.h>

#include "archive/layer_ingest.h"
#include "support/streams.h"
#include "support/tar_builder.h"

namespace msb::archive {
namespace {

using test::TarBuilder;
using tree::Kind;

class NoContent final : public ContentSink {
 public:
  Done begin(tree::Tree&, tree::Id, const TarEntry&) override { return {}; }
  Done write(Bytes) override { return {}; }
};

Result<tree::Tree> read(const TarBuilder& tar, const TarLimits& limits = {}) {
  const Call call;
  test::StringSource source(tar.str());
  TarReader reader(source, nullptr, call);
  NoContent content;
  return read_layer(reader, content, limits);
}

void list(const tree::Tree& tree, tree::Id id, const std::string& path, std::string& out) {
  const tree::Inode& inode = tree.at(id);
  char mode[16];
  std::snprintf(mode, sizeof mode, "%c%o", "fdlcbps"[static_cast<int>(inode.kind)], inode.mode);
  std::string flags;
  if (inode.opaque) flags += 'o';
  if (inode.opaque_mark) flags += 'm';
  if (inode.implicit) flags += 'i';
  if (inode.whiteout()) flags += 'w';
  if (inode.merge_only) flags += 'x';
  if (inode.links > 1) flags += "l" + std::to_string(inode.links);
  if (!inode.target().empty()) flags += "->" + inode.target();
  if (inode.extra && !inode.extra->link_target.empty()) flags += "=>" + inode.extra->link_target;
  out += path + " " + mode + (flags.empty() ? "" : " " + flags) + "\n";
  if (inode.kind != Kind::directory) return;
  for (const auto& [name, child] : *inode.children) list(tree, child, path == "." ? name : path + "/" + name, out);
}

std::string shape(const TarBuilder& tar) {
  const auto tree = read(tar);
  if (!tree) return tree.error().message();
  std::string out;
  list(*tree, tree::kRoot, ".", out);
  return out;
}

constexpr const char* kRoot = ". d755 i\n";

TEST(LayerTree, MakesParentsThatSayNothing) {
  EXPECT_EQ(shape(TarBuilder().add("a/b/c", "")), std::string(kRoot) + "a d755 i\na/b d755 i\na/b/c f644\n");
  EXPECT_EQ(shape(TarBuilder().add("a/b", "").directory("a", 0700)), std::string(kRoot) + "a d700\na/b f644\n");
}

TEST(LayerTree, NormalisesPaths) {
  const TarBuilder tar = TarBuilder().directory("/./a//").add("a/././b/", "").add("//a/c", "").add("./", "ignored");
  EXPECT_EQ(shape(tar), std::string(kRoot) + "a d755\na/b f644\na/c f644\n");
}

TEST(LayerTree, KeepsTheRootsMetadata) {
  const auto tree = read(TarBuilder().pax({{"SCHILY.xattr.user.a", "1"}, {"mtime", "5.5"}}).directory("./", 0711));
  ASSERT_TRUE(tree.ok());
  EXPECT_FALSE(tree->root().implicit);
  EXPECT_EQ(tree->root().mode, 0711);
  EXPECT_EQ(tree->root().mtime, 5);
  EXPECT_EQ(tree->root().mtime_nsec, 500'000'000U);
  EXPECT_EQ(tree->root().xattrs().size(), 1U);
}

TEST(LayerTree, LaterMembersReplaceEarlierOnes) {
  EXPECT_EQ(shape(TarBuilder().add("a", "1").symlink("a", "t")), std::string(kRoot) + "a l777 ->t\n");
  EXPECT_EQ(shape(TarBuilder().directory("a").add("a/b", "").add("a", "")), std::string(kRoot) + "a f644\n");
  // What stood there hid the directory below, so the new one is fresh.
  EXPECT_EQ(shape(TarBuilder().add("a", "").directory("a")), std::string(kRoot) + "a d755 o\n");
  const auto tree = read(TarBuilder().pax({{"SCHILY.xattr.user.a", "1"}}).directory("d").directory("d"));
  EXPECT_TRUE(tree->at(tree->find("d")).xattrs().empty());
}

TEST(LayerTree, WhiteoutsWorkInAnyOrder) {
  EXPECT_EQ(shape(TarBuilder().add("d/.wh.f", "")), std::string(kRoot) + "d d755 i\nd/f c644 w\n");
  EXPECT_EQ(shape(TarBuilder().symlink("d/.wh.f", "t")), std::string(kRoot) + "d d755 i\nd/f c777 w\n");
  const std::string fresh = std::string(kRoot) + "d d700 o\nd/new f644\n";
  EXPECT_EQ(shape(TarBuilder().add(".wh.d", "").directory("d", 0700).add("d/new", "")), fresh);
  EXPECT_EQ(shape(TarBuilder().directory("d", 0700).add("d/new", "").add(".wh.d", "")),
            std::string(kRoot) + "d d700 om\nd/new f644\n");
  EXPECT_EQ(shape(TarBuilder().add(".wh.d", "").add("d/new", "")), std::string(kRoot) + "d d755 om\nd/new f644\n");
  EXPECT_EQ(shape(TarBuilder().add("d/new", "").add(".wh.d", "")), std::string(kRoot) + "d d755 om\nd/new f644\n");
  EXPECT_EQ(shape(TarBuilder().add("f", "").add(".wh.f", "")), std::string(kRoot) + "f f644\n");
  EXPECT_EQ(shape(TarBuilder().add(".wh.f", "").add("f", "")), std::string(kRoot) + "f f644\n");
  // It names nothing that it could remove; microsandbox keeps it as a file, and its layers are ours.
  EXPECT_EQ(shape(TarBuilder().add(".wh.", "")), std::string(kRoot) + ".wh. f644\n");
}

TEST(LayerTree, OpaqueMarkersWorkInAnyOrder) {
  EXPECT_EQ(shape(TarBuilder().add(".wh..wh..opq", "")), ". d755 omi\n");
  EXPECT_EQ(shape(TarBuilder().directory("d").add("d/.wh..wh..opq", "").add("d/f", "")),
            std::string(kRoot) + "d d755 om\nd/f f644\n");
  // microsandbox loses the mark here; the layer file does too, the tree does not.
  EXPECT_EQ(shape(TarBuilder().add("d/.wh..wh..opq", "").directory("d", 0700)), std::string(kRoot) + "d d700 o\n");
  EXPECT_EQ(shape(TarBuilder().add("d/.wh..wh..opq", "").add("d/f", "")),
            std::string(kRoot) + "d d755 omi\nd/f f644\n");
}

TEST(LayerTree, MarkersOfOtherTypesAreMarkersAllTheSame) {
  EXPECT_EQ(shape(TarBuilder().directory(".wh.d")), std::string(kRoot) + ".wh.d d755\nd c755 wx\n");
  EXPECT_EQ(shape(TarBuilder().directory("d").directory(".wh.d")), std::string(kRoot) + ".wh.d d755\nd d755 o\n");
  EXPECT_EQ(shape(TarBuilder().directory("d/.wh..wh..opq")), std::string(kRoot) + "d d755 oi\nd/.wh..wh..opq d755\n");
  EXPECT_EQ(shape(TarBuilder().add("a", "").link(".wh.b", "a")),
            std::string(kRoot) + ".wh.b f644 l2\na f644 l2\nb c644 wx\n");
  EXPECT_EQ(shape(TarBuilder().link(".wh.b", "lower")), std::string(kRoot) + "b c644 wx\n");
  EXPECT_EQ(shape(TarBuilder().directory(".wh..wh.plnk").add(".wh..wh.aufs", "")),
            std::string(kRoot) + ".wh..wh.plnk d755\n.wh.aufs c644 w\n");
}

TEST(LayerTree, HardLinks) {
  EXPECT_EQ(shape(TarBuilder().add("a", "1").link("d/b", "/./a")),
            std::string(kRoot) + "a f644 l2\nd d755 i\nd/b f644 l2\n");
  EXPECT_EQ(shape(TarBuilder().add("a", "1").link("a", "a")), std::string(kRoot) + "a f644\n");
  EXPECT_EQ(shape(TarBuilder().symlink("a", "t").link("b", "a")), std::string(kRoot) + "a l777 l2->t\nb l777 l2->t\n");
  EXPECT_EQ(shape(TarBuilder().add("d/x", "1").link("d", "d/x")), std::string(kRoot) + "d f644\n");
  EXPECT_EQ(shape(TarBuilder().link("b", "lower/a").link("c", "b")),
            std::string(kRoot) + "b f0 xl2=>lower/a\nc f0 xl2=>lower/a\n");
}

TEST(LayerTree, LinksAreFollowedInsideTheRoot) {
  const auto with = [](const std::string& head, const std::string& tail) { return std::string(kRoot) + head + tail; };
  const std::string tail = "usr d755 i\nusr/lib d755 i\nusr/lib/x f644\n";
  EXPECT_EQ(shape(TarBuilder().symlink("lib", "usr/lib").add("lib/x", "")), with("lib l777 ->usr/lib\n", tail));
  EXPECT_EQ(shape(TarBuilder().symlink("lib", "/usr/lib").add("lib/x", "")), with("lib l777 ->/usr/lib\n", tail));
  EXPECT_EQ(shape(TarBuilder().symlink("lib", "../../usr/./lib/").add("lib/x", "")),
            with("lib l777 ->../../usr/./lib/\n", tail));
  EXPECT_EQ(shape(TarBuilder().symlink("lib", "u").symlink("u", "usr/lib").add("lib/x", "")),
            with("lib l777 ->u\nu l777 ->usr/lib\n", tail));
  EXPECT_EQ(shape(TarBuilder().symlink("lib", "usr").add("lib/lib/x", "")), with("lib l777 ->usr\n", tail));
  EXPECT_EQ(shape(TarBuilder().symlink("lib", "usr").add("lib/.wh.x", "")),
            with("lib l777 ->usr\n", "usr d755 i\nusr/x c644 w\n"));
}

TEST(LayerTree, RefusesWhatIsHostile) {
  const auto refusal = [](const TarBuilder& tar) {
    const auto tree = read(tar);
    EXPECT_FALSE(tree.ok());
    if (tree) return std::string();
    EXPECT_EQ(tree.error().status(), Status::image_invalid);
    EXPECT_NE(tree.error().fact("member"), nullptr);
    return tree.error().message();
  };
  EXPECT_EQ(refusal(TarBuilder().add("a/../b", "")),
            "invalid image: \"a/../b\": tar: path traversal: \"..\" in a path");
  EXPECT_NE(refusal(TarBuilder().link("b", "../a")).find("traversal"), std::string::npos);
  EXPECT_NE(refusal(TarBuilder().add("d/.wh...", "")).find("traversal"), std::string::npos);
  EXPECT_NE(refusal(TarBuilder().symlink("a", "b").symlink("b", "a").add("a/x", "")).find("too many links"),
            std::string::npos);
  EXPECT_NE(refusal(TarBuilder().add("a", "").add("a/b", "")).find("not a directory"), std::string::npos);
  EXPECT_NE(refusal(TarBuilder().add("f", "").symlink("a", "f").add("a/b", "")).find("not a directory"),
            std::string::npos);
  EXPECT_NE(refusal(TarBuilder().directory("a").link("b", "a")).find("directory"), std::string::npos);
  EXPECT_NE(refusal(TarBuilder().add(".wh.a", "").link("b", "a")).find("removes"), std::string::npos);
  EXPECT_NE(refusal(TarBuilder().symlink("a", "")).find("without a target"), std::string::npos);
  EXPECT_NE(refusal(TarBuilder().link("a", "/")).find("root"), std::string::npos);
  EXPECT_NE(refusal(TarBuilder().pax({{"path", std::string(256, 'n')}}).add("n", "")).find("255"), std::string::npos);
}

TEST(LayerTree, HoldsItsLimits) {
  TarLimits limits;
  limits.max_entries = 3;
  EXPECT_TRUE(read(TarBuilder().add("a/b/c", ""), limits).ok());
  EXPECT_FALSE(read(TarBuilder().add("a/b/c/d", ""), limits).ok());  // parents count
  limits = {};
  limits.max_text = 10;
  EXPECT_TRUE(read(TarBuilder().add("12345", "").symlink("6", "7890"), limits).ok());
  EXPECT_FALSE(read(TarBuilder().add("12345", "").symlink("6", "78901"), limits).ok());
  EXPECT_FALSE(read(TarBuilder().pax({{"SCHILY.xattr.user.abc", "defg"}}).add("h", ""), limits).ok());
  std::string deep;
  for (int i = 0; i < 128; ++i) deep += "p/";
  EXPECT_TRUE(read(TarBuilder().pax({{"path", deep}}).directory("p")).ok());
  EXPECT_FALSE(read(TarBuilder().pax({{"path", deep + "q"}}).directory("p")).ok());
}

}  // namespace
}  // namespace msb::archive
