#include "oci/manifest.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "support/fixtures.h"
#include "support/result.h"

namespace msb::oci {
namespace {

std::string digest(char c) { return "sha256:" + std::string(64, c); }

std::string descriptor(const std::string& type, char c, const std::string& more = "") {
  return R"({"mediaType":")" + type + R"(","digest":")" + digest(c) + R"(","size":7)" + more + "}";
}

std::string entry(char c, const std::string& platform, const std::string& more = "") {
  return descriptor(std::string(kOciManifest), c, platform.empty() ? more : R"(,"platform":)" + platform + more);
}

std::string index_of(const std::vector<std::string>& entries) {
  std::string text = R"({"schemaVersion":2,"manifests":[)";
  for (size_t i = 0; i < entries.size(); ++i) text += (i == 0 ? "" : ",") + entries[i];
  return text + "]}";
}

/// The letter of the chosen entry's digest, or the failure's message.
std::string choose(const std::string& index, const std::string& platform) {
  const auto parsed = parse_index(index);
  if (!parsed) return parsed.error().message();
  const auto chosen = select(parsed->manifests, *Platform::parse(platform), "app:1");
  return chosen ? std::string(1, (*chosen)->digest.hex()[0]) : chosen.error().message();
}

TEST(Manifest, IsReadWithWhatItDoesNotKnow) {
  const auto manifest = parse_manifest(
      R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","x":[{}],"config":)" +
      descriptor("application/vnd.docker.container.image.v1+json", 'a') + R"(,"layers":[)" +
      descriptor("t", 'b', R"(,"urls":["https://example.com"],"annotations":{"k":"v"})") + "," + descriptor("u", 'b') +
      R"(],"annotations":{"z":"1","a":"2"},"subject":null})");
  ASSERT_OK(manifest);
  EXPECT_EQ(manifest->media_type, kDockerManifest);
  EXPECT_EQ(manifest->config.digest.text(), digest('a'));
  ASSERT_EQ(manifest->layers.size(), 2U);
  EXPECT_EQ(manifest->layers[0].media_type, "t");
  EXPECT_EQ(manifest->layers[0].size, 7U);
  EXPECT_EQ(*manifest->layers[0].annotation("k"), "v");
  EXPECT_EQ(manifest->layers[0].annotation("l"), nullptr);
  EXPECT_EQ(manifest->annotations, (StringMap{{"z", "1"}, {"a", "2"}}));
}

TEST(Manifest, MediaTypeMayBeMissingAndLayersMayBeNone) {
  const auto manifest = parse_manifest(R"({"schemaVersion":2,"layers":[],"config":)" + descriptor("c", 'a') + "}");
  ASSERT_OK(manifest);
  EXPECT_EQ(manifest->media_type, kOciManifest);
  EXPECT_TRUE(manifest->layers.empty());
  const auto index = parse_index(index_of({}));
  ASSERT_OK(index);
  EXPECT_EQ(index->media_type, kOciIndex);
}

TEST(Manifest, KindIsChecked) {
  EXPECT_STATUS(Status::image_invalid, parse_manifest(index_of({})));
  EXPECT_STATUS(Status::image_invalid,
                parse_index(R"({"schemaVersion":2,"layers":[],"config":)" + descriptor("c", 'a') + "}"));
}

TEST(Manifest, FailuresNameTheMember) {
  const auto failed = parse_manifest(R"({"schemaVersion":2,"config":)" + descriptor("c", 'a') +
                                     R"(,"layers":[{"mediaType":"t","digest":"sha256:x","size":1}]})");
  EXPECT_STATUS(Status::image_invalid, failed);
  EXPECT_EQ(failed.error().message(), "invalid image: manifest: layers[0].digest is not a digest");
  EXPECT_EQ(*failed.error().fact("member"), "layers[0].digest");
  const auto old = parse_manifest(R"({"schemaVersion":1,"fsLayers":[]})");
  EXPECT_EQ(
      old.error().message(),
      "invalid image: manifest: schemaVersion is 1: this is an image of Docker's old schema 1; push it again with "
      "a current Docker");
}

TEST(Manifest, RejectsWhatIsCommitted) {
  size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(test::tests_path("golden/reject/manifest"))) {
    EXPECT_STATUS(Status::image_invalid, parse_document(test::read_file(file.path()))) << file.path();
    ++count;
  }
  EXPECT_GT(count, 35U);
}

TEST(Manifest, RejectsWhatIsTooLarge) {
  EXPECT_STATUS(Status::image_invalid, parse_document(index_of({}) + std::string(kMaxDocumentBytes, ' ')));
}

TEST(Select, TakesTheBestVariant) {
  const std::string index = index_of({entry('a', R"({"os":"linux","architecture":"arm","variant":"v6"})"),
                                      entry('b', R"({"os":"linux","architecture":"arm","variant":"v7"})"),
                                      entry('c', R"({"os":"linux","architecture":"arm64","variant":"v8"})"),
                                      entry('d', R"({"os":"linux","architecture":"amd64"})"),
                                      entry('e', R"({"os":"linux","architecture":"amd64","variant":"v3"})")});
  EXPECT_EQ(choose(index, "linux/arm/v7"), "b");
  EXPECT_EQ(choose(index, "linux/arm/v6"), "a");
  EXPECT_EQ(choose(index, "linux/arm64"), "c");
  EXPECT_EQ(choose(index, "linux/amd64"), "d");
  EXPECT_EQ(choose(index, "linux/amd64/v2"), "d");
  EXPECT_EQ(choose(index, "linux/amd64/v4"), "e");
}

TEST(Select, TakesTheFirstAmongEquals) {
  const std::string platform = R"({"os":"linux","architecture":"amd64"})";
  EXPECT_EQ(choose(index_of({entry('b', platform), entry('a', platform)}), "linux/amd64"), "b");
}

TEST(Select, PassesOverAttestationsAndArtifacts) {
  const std::string unknown = R"({"os":"unknown","architecture":"unknown"})";
  const std::string platform = R"({"os":"linux","architecture":"amd64"})";
  const std::string index = index_of(
      {entry('a', unknown),
       entry('b', platform, R"(,"annotations":{"vnd.docker.reference.type":"attestation-manifest"})"),
       descriptor("application/vnd.example.signature+json", 'c', R"(,"platform":)" + platform), entry('d', platform)});
  EXPECT_EQ(choose(index, "linux/amd64"), "d");
  EXPECT_EQ(choose(index, "linux/arm64"),
            "invalid image: no manifest for platform linux/arm64 in app:1; it offers linux/amd64");
}

TEST(Select, FallsBackToWhatNamesNoPlatform) {
  EXPECT_EQ(choose(index_of({entry('a', ""), entry('b', "")}), "linux/amd64"), "a");
  EXPECT_EQ(choose(index_of({entry('a', ""), entry('b', R"({"os":"linux","architecture":"amd64"})")}), "linux/amd64"),
            "b");
}

TEST(Select, ListsWhatThereIs) {
  EXPECT_EQ(choose(index_of({entry('a', R"({"os":"linux","architecture":"arm64","variant":"v8"})"),
                             entry('b', R"({"os":"windows","architecture":"amd64"})"),
                             entry('c', R"({"os":"windows","architecture":"amd64"})")}),
                   "linux/amd64"),
            "invalid image: no manifest for platform linux/amd64 in app:1; it offers linux/arm64/v8, windows/amd64");
  EXPECT_EQ(choose(index_of({}), "linux/amd64"),
            "invalid image: no manifest for platform linux/amd64 in app:1; it offers none");
}

}  // namespace
}  // namespace msb::oci
