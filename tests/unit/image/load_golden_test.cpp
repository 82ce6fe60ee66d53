#include <algorithm>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "erofs/vmdk.h"
#include "json/parse.h"
#include "json/value.h"
#include "json/write.h"
#include "support/image_fixtures.h"
#include "support/image_home.h"

namespace msb::image {
namespace {

using test::ImageHome;

struct Golden {
  const char* folder;
  const char* input;
};

/// A document without what differs from run to run of microsandbox: the order of what comes from maps.
std::string comparable(const json::Value& document) {
  json::Object copy = *json::sorted(document).object();
  for (json::Member& member : copy) {
    if (member.name != "config") continue;
    json::Object config = *member.value.object();
    for (json::Member& part : config) {
      if (part.name != "exposed_ports" && part.name != "volumes") continue;
      json::Array list = *part.value.array();
      std::sort(list.begin(), list.end(),
                [](const json::Value& a, const json::Value& b) { return *a.string() < *b.string(); });
      part.value = std::move(list);
    }
    member.value = std::move(config);
  }
  return json::write(json::Value(std::move(copy)), json::Layout::pretty);
}

/// What microsandbox makes of an archive in an empty home, held against what we make of it.
class LoadGoldenTest : public testing::TestWithParam<Golden> {
 protected:
  void SetUp() override {
    const auto root = test::upstream_path("images");
    golden_ = root / GetParam().folder;
    ASSERT_OK(home_.load(root / "inputs" / GetParam().input));
    files_ = home_.files();
  }

  /// Files of the golden cache below a folder.
  std::vector<std::filesystem::path> golden(const std::string& folder) const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(golden_ / "cache" / folder)) {
      found.push_back(entry.path());
    }
    EXPECT_FALSE(found.empty());
    return found;
  }
  const std::string& ours(const std::string& folder, const std::filesystem::path& path) const {
    static const std::string kNothing;
    const auto found = files_.find(folder + "/" + path.filename().string());
    EXPECT_NE(found, files_.end()) << folder << path.filename();
    return found == files_.end() ? kNothing : found->second;
  }

  std::filesystem::path golden_;
  ImageHome home_;
  std::map<std::string, std::string> files_;
};

TEST_P(LoadGoldenTest, LayersAreTheSameBytes) {
  for (const auto& path : golden("layers")) {
    EXPECT_TRUE(ours("layers", path) == test::read_file(path)) << path.filename();
  }
}

TEST_P(LoadGoldenTest, DocumentsSayTheSame) {
  for (const auto& path : golden("manifests")) {
    const auto expected = json::parse(test::read_file(path));
    const auto actual = json::parse(ours("manifests", path));
    ASSERT_OK(expected);
    ASSERT_OK(actual);
    EXPECT_EQ(comparable(*actual), comparable(*expected)) << path.filename();
  }
}

TEST_P(LoadGoldenTest, DescriptorsJoinTheSameFiles) {
  for (const auto& path : golden("vmdk")) {
    const auto expected = erofs::parse_vmdk(test::read_file(path));
    const auto actual = erofs::parse_vmdk(ours("vmdk", path));
    ASSERT_OK(expected);
    ASSERT_OK(actual);
    ASSERT_EQ(actual->size(), expected->size());
    for (size_t i = 0; i < expected->size(); ++i) {
      EXPECT_EQ("@MSB_HOME@/cache" + (*actual)[i].path.substr(2), (*expected)[i].path);
      if (i == 0) continue;  // of the fsmeta, which may hold more
      EXPECT_EQ((*actual)[i].sectors, (*expected)[i].sectors);
    }
  }
}

TEST_P(LoadGoldenTest, NothingElseIsLeft) {
  for (const auto& [name, content] : files_) {
    const std::filesystem::path path(name);
    if (path.extension() == ".recipe") {
      EXPECT_TRUE(files_.count("layers/" + path.stem().string() + ".erofs")) << name;
    } else {
      EXPECT_TRUE(std::filesystem::exists(golden_ / "cache" / path)) << name;
    }
  }
  EXPECT_TRUE(home_.warnings().empty());
}

INSTANTIATE_TEST_SUITE_P(Fixtures, LoadGoldenTest,
                         testing::Values(Golden{"f1-kinds", "f1-kinds.oci.tar"},
                                         Golden{"f2-layers", "f2-layers.oci.tar"},
                                         Golden{"f3-index", "f3-index.oci.tar"}, Golden{"f4-names", "f4-names.oci.tar"},
                                         Golden{"f5-docker", "f5-docker.docker.tar"}),
                         [](const auto& fixture) { return std::string(fixture.param.folder).substr(3); });

}  // namespace
}  // namespace msb::image
