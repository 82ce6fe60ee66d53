#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "image/load.h"
#include "image/query.h"
#include "support/compress.h"
#include "support/image_archive.h"
#include "support/image_home.h"
#include "support/streams.h"

namespace msb::image {
namespace {

using test::ImageHome;
using test::OciLayout;
using test::TarBuilder;

/// An archive that must not be taken, and what the refusal has to name.
struct Reject {
  std::string name;
  std::string archive;
  std::string member;   ///< value of the fact; empty where no one member is at fault
  std::string message;  ///< part of it
};

std::string layer() { return test::small_layer("passwd", "root:x:0:0\n"); }

/// An archive whose one layer is `tar`.
std::string with_layer(const std::string& tar) { return test::docker_archive("app:1", {tar}); }

/// A layout of one image, changed by `change`, which is given the layer's path.
std::string changed_layout(const std::function<void(OciLayout&, const std::string& layer)>& change) {
  OciLayout layout;
  const std::string blob = test::gzip(layer());
  layout.index({layout.image({blob}, {layer()}, layout.named("app:1"))});
  change(layout, OciLayout::path_of(blob));
  return layout.tar();
}

std::string layout_with_index(const std::string& index) {
  return changed_layout([&](OciLayout& layout, const std::string&) { layout.put("index.json", index); });
}

std::string docker_with(const std::string& manifest, const std::function<void(TarBuilder&)>& more = nullptr) {
  TarBuilder archive;
  archive.add("c.json", test::config_for({layer()})).add("l/layer.tar", layer());
  if (more) more(archive);
  return archive.add("manifest.json", manifest).end().str();
}

std::string docker_with_layer_path(const std::string& path, const std::function<void(TarBuilder&)>& more = nullptr) {
  return docker_with(R"([{"Config":"c.json","RepoTags":["app:1"],"Layers":[")" + path + "\"]}]", more);
}

/// Indexes each inside the next, deeper than anybody needs.
std::string deep_indexes() {
  OciLayout layout;
  std::string entry = layout.image({layer()}, {layer()});
  for (int i = 0; i < 40; ++i) {
    entry =
        layout.blob(R"({"schemaVersion":2,"manifests":[)" + entry + "]}", "application/vnd.oci.image.index.v1+json");
  }
  layout.index({entry});
  return layout.tar();
}

/// An index that lists itself a thousand times over in each of a few levels.
std::string wide_indexes() {
  OciLayout layout;
  std::string entry = layout.image({layer()}, {layer()});
  for (int i = 0; i < 4; ++i) {
    std::string list;
    for (int j = 0; j < 100; ++j) list += (j == 0 ? "" : ",") + entry;
    entry = layout.blob(R"({"schemaVersion":2,"manifests":[)" + list + "]}", "application/vnd.oci.image.index.v1+json");
  }
  layout.index({entry});
  return layout.tar();
}

std::string many_members() {
  std::string tar;
  const std::string member = TarBuilder().add("f", "").str();
  for (int i = 0; i < 200'001; ++i) tar += member;
  return tar;
}

std::vector<Reject> rejects() {
  const std::string escape = "../../../etc/passwd";
  std::vector<Reject> all = {
      // The archive.
      {"no-tar", "this is no archive at all", "", "does not begin like one"},
      {"no-documents", TarBuilder().add("hello", "world").end().str(), "", "neither manifest.json nor oci-layout"},
      {"root-file-system",
       TarBuilder()
           .directory("bin")
           .symlink("lib", "/usr/lib")
           .symlink("x", "../../y")
           .add("etc/passwd", "r")
           .end()
           .str(),
       "", "docker import FILE NAME"},
      {"empty-file", "", "", "neither manifest.json nor oci-layout"},
      {"cut-short", with_layer(layer()).substr(0, 1000), "", "cut short"},
      {"gzip-cut-short", test::gzip(with_layer(layer())).substr(0, 100), "", ""},
      {"gzip-then-garbage", test::gzip(with_layer(layer())) + "garbage", "", ""},
      {"path-traversal", TarBuilder().add(escape, "x").end().str(), escape, "path traversal"},
      {"too-many-members", many_members(), "f", "more than 200000 members"},

      // Docker archives.
      {"docker-not-json", docker_with("[{"), "manifest.json", ""},
      {"docker-not-a-list", docker_with("{}"), "", ""},
      {"docker-no-image", docker_with("[]"), "manifest.json", "lists no image"},
      {"docker-config-missing", docker_with(R"([{"Config":"x.json","RepoTags":["a:1"],"Layers":[]}])"), "x.json",
       "is not in the archive"},
      {"docker-layer-missing", docker_with_layer_path("m/layer.tar"), "m/layer.tar", "is not in the archive"},
      {"docker-layer-outside", docker_with_layer_path("../l/layer.tar"), "../l/layer.tar", "is not in the archive"},
      {"docker-layer-absolute", docker_with_layer_path("/etc/passwd"), "/etc/passwd", "is not in the archive"},
      {"docker-layer-is-directory", docker_with_layer_path("d", [](TarBuilder& tar) { tar.directory("d"); }), "d",
       "is no file"},
      {"docker-layer-is-device",
       docker_with_layer_path("d",
                              [](TarBuilder& tar) { tar.add({.name = "d", .type = '3', .major = 1, .minor = 5}); }),
       "d", "is no file"},
      {"docker-link-out", docker_with_layer_path("s", [&](TarBuilder& tar) { tar.symlink("s", escape); }), "s",
       "links out"},
      {"docker-link-absolute", docker_with_layer_path("s", [](TarBuilder& tar) { tar.symlink("s", "/etc/passwd"); }),
       "s", "links out"},
      {"docker-link-circle",
       docker_with_layer_path("s", [](TarBuilder& tar) { tar.symlink("s", "t").symlink("t", "s"); }), "s",
       "in circles"},
      {"docker-layer-count",
       docker_with(R"([{"Config":"c.json","RepoTags":["app:1"],"Layers":["l/layer.tar","l/layer.tar"]}])"), "", ""},
      {"docker-tag-malformed", docker_with(R"([{"Config":"c.json","RepoTags":["../x"],"Layers":["l/layer.tar"]}])"), "",
       "is no reference"},
      {"docker-name-twice",
       docker_with(R"([{"Config":"c.json","RepoTags":["app:1"],"Layers":["l/layer.tar"]},)"
                   R"({"Config":"c.json","RepoTags":["app:1"],"Layers":["l/layer.tar"]}])"),
       "", "two images"},
      {"docker-config-name-lies",
       TarBuilder()
           .add(std::string(64, 'a') + ".json", test::config_for({}))
           .add("manifest.json",
                R"([{"Config":")" + std::string(64, 'a') + R"(.json","RepoTags":["a:1"],"Layers":[]}])")
           .end()
           .str(),
       std::string(64, 'a') + ".json", "digest in its name"},
      {"docker-wrong-diff-id", docker_with_layer_path("w", [](TarBuilder& tar) { tar.add("w", "\0\0\0"); }), "w", ""},

      // OCI layouts.
      {"oci-version", changed_layout([](OciLayout& l, const std::string&) {
         l.put("oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
       }),
       "oci-layout", "is not of version 1"},
      {"oci-no-index", changed_layout([](OciLayout& l, const std::string&) { l.remove("index.json"); }), "index.json",
       "is not in the archive"},
      {"oci-index-is-manifest", layout_with_index(R"({"schemaVersion":2,"config":{},"layers":[]})"), "config", ""},
      {"oci-empty-index", layout_with_index(R"({"schemaVersion":2,"manifests":[]})"), "index.json", "it offers none"},
      {"oci-digest-traversal",
       layout_with_index(R"({"schemaVersion":2,"manifests":[{"mediaType":)"
                         R"("application/vnd.oci.image.manifest.v1+json","digest":"sha256:../../../etc","size":1}]})"),
       "manifests[0].digest", "is not a digest"},
      {"oci-layer-missing", changed_layout([](OciLayout& l, const std::string& path) { l.remove(path); }),
       "blobs/sha256/", "is not in the archive"},
      {"oci-layer-size", changed_layout([](OciLayout& l, const std::string& path) { l.put(path, "short"); }),
       "blobs/sha256/", "is not as large"},
      {"oci-layer-digest", changed_layout([](OciLayout& l, const std::string& path) {
         // Inflates to the same tar, and is as long.
         std::string blob = test::gzip(layer());
         blob[4] ^= 1;  // the time in the gzip header
         l.put(path, blob);
       }),
       "blobs/sha256/", "does not have the digest"},
      {"oci-index-deep", deep_indexes(), "blobs/sha256/", "too deep"},
      {"oci-index-wide", wide_indexes(), "index.json", "leads to too many images"},

      // Layers.
      {"layer-traversal", with_layer(TarBuilder().add("a/../../b", "x").end().str()), "a/../../b", "path traversal"},
      {"layer-cut-short", with_layer(TarBuilder().add("big", test::noise(5000)).str().substr(0, 2000)), "big",
       "cut short"},
      {"layer-size-lies", with_layer(TarBuilder().add({.name = "f", .body = "x", .size = uint64_t{1} << 40}).str()),
       "f", ""},
      {"layer-child-of-file", with_layer(TarBuilder().add("f", "x").add("f/g", "y").end().str()), "f/g", ""},
      {"layer-name-too-long", with_layer(TarBuilder().pax({{"path", std::string(256, 'n')}}).add("n", "").end().str()),
       std::string(200, 'n'), "longer than 255"},
      {"second-layer-cut-short",
       test::docker_archive("app:1", {layer(), TarBuilder().add("big", test::noise(5000)).str().substr(0, 2000)}),
       "big", "cut short"},
      {"layer-link-to-nothing", with_layer(TarBuilder().link("a", "nothing").end().str()), "a", ""},
  };
  const std::string bomb = test::gzip(std::string(64 << 20, '\0'));
  OciLayout layout;
  layout.index({layout.image({bomb}, {layer()}, layout.named("app:1"))});
  all.push_back({"layer-is-something-else", layout.tar(), OciLayout::path_of(bomb), "does not hold the layer"});
  return all;
}

class LoadRejectTest : public testing::TestWithParam<Reject> {};

TEST_P(LoadRejectTest, NamesTheMemberAndLeavesNothing) {
  const Reject& reject = GetParam();
  ImageHome home;
  const auto rows = home.load(home.archive(reject.archive));
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().status(), Status::image_invalid) << rows.error().message();
  EXPECT_NE(rows.error().message().find(reject.message), std::string::npos) << rows.error().message();
  const std::string* member = rows.error().fact("member");
  if (!reject.member.empty()) {
    ASSERT_NE(member, nullptr) << rows.error().message();
    EXPECT_EQ(member->rfind(reject.member, 0), 0U) << *member;
  }
  EXPECT_TRUE(home.files().empty()) << home.files().begin()->first;
  EXPECT_EQ(home.lock_names(), std::set<std::string>());
  EXPECT_TRUE(image::list(home.context(), home.call())->empty());
}

INSTANTIATE_TEST_SUITE_P(Archives, LoadRejectTest, testing::ValuesIn(rejects()), [](const auto& reject) {
  std::string name = reject.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

/// The same in a directory, where a symlink could lead to the host's files.
TEST(LoadRejectDirectoryTest, FollowsNoLinks) {
  ImageHome home;
  const std::string root = home.path("layout");
  ASSERT_EQ(::mkdir(root.c_str(), 0755), 0);
  test::write_text(home.path("secret"), R"({"imageLayoutVersion":"1.0.0"})");
  std::filesystem::create_symlink(home.path("secret"), root + "/oci-layout");
  const auto rows = home.load(root);
  EXPECT_FALSE(rows.ok());
  EXPECT_TRUE(home.files().empty());
}

}  // namespace
}  // namespace msb::image
