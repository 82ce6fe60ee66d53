#include "oci/cache_record.h"

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "oci/reference.h"
#include "support/fixtures.h"
#include "support/result.h"

namespace msb::oci {
namespace {

std::string digest(char c) { return "sha256:" + std::string(64, c); }

std::string minimal(const std::string& more = "") {
  return R"({"manifest_digest":")" + digest('a') + R"(","config_digest":")" + digest('b') +
         R"(","raw_manifest_json":"{}","raw_config_json":"{ }","config":{"env":[],"exposed_ports":[],"volumes":[],)"
         R"("labels":{}},"layers":[{"digest":")" +
         digest('c') + R"(","diff_id":")" + digest('d') + R"("}])" + more + "}";
}

TEST(CacheRecord, OptionalMembersMayBeMissingAndUnknownOnesThere) {
  const auto record = CacheRecord::parse(minimal(R"(,"future":{"a":[1,2.5]})"));
  ASSERT_OK(record);
  EXPECT_EQ(record->manifest_digest.text(), digest('a'));
  EXPECT_EQ(record->config_digest.text(), digest('b'));
  EXPECT_EQ(record->raw_config, "{ }");
  ASSERT_EQ(record->layers.size(), 1U);
  EXPECT_FALSE(record->layers[0].media_type);
  EXPECT_FALSE(record->layers[0].size);
  EXPECT_EQ(record->config, RunConfig());
}

TEST(CacheRecord, IsWrittenInTheOrderOfMicrosandbox) {
  const auto record = CacheRecord::parse(minimal());
  EXPECT_EQ(record->write(),
            R"({"manifest_digest":")" + digest('a') + R"(","config_digest":")" + digest('b') +
                R"(","raw_manifest_json":"{}","raw_config_json":"{ }","config":{"env":[],"cmd":null,"entrypoint":null,)"
                R"("working_dir":null,"user":null,"exposed_ports":[],"volumes":[],"labels":{},"stop_signal":null},)"
                R"("layers":[{"digest":")" +
                digest('c') + R"(","media_type":null,"size_bytes":null,"diff_id":")" + digest('d') + R"("}]})");
}

TEST(CacheRecord, RejectsWhatIsCommitted) {
  size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(test::tests_path("golden/reject/cache_record"))) {
    EXPECT_STATUS(Status::image_invalid, CacheRecord::parse(test::read_file(file.path()))) << file.path();
    ++count;
  }
  EXPECT_GT(count, 15U);
}

/// Every document that msb wrote is read, written again to the same bytes, and made anew from the texts inside it.
TEST(CacheRecord, GoldenDocumentsComeBackByteForByte) {
  const auto fixtures = test::upstream_path("images");
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(fixtures)) {
    const auto& path = entry.path();
    if (path.parent_path().filename() != "manifests" || path.extension() != ".json") continue;
    SCOPED_TRACE(path);
    const std::string text = test::read_file(path);
    const auto record = CacheRecord::parse(text);
    ASSERT_OK(record);
    EXPECT_EQ(record->write(), text);

    const auto manifest = parse_manifest(record->raw_manifest);
    ASSERT_OK(manifest);
    const auto config = parse_config(record->raw_config);
    ASSERT_OK(config);
    EXPECT_EQ(Digest::sha256_of(as_bytes(record->raw_config)), manifest->config.digest);
    CacheRecord made =
        CacheRecord::of(record->manifest_digest, record->raw_manifest, *manifest, record->raw_config, *config);
    // The order of names in maps varies from run to run.
    made.config.labels = record->config.labels;
    made.config.exposed_ports = record->config.exposed_ports;
    EXPECT_EQ(made, *record);
    names.insert(path.stem());
  }
  EXPECT_TRUE(names.contains(Reference::parse("fixture/names:latest")->cache_key()));
  EXPECT_GE(names.size(), 7U);
}

TEST(CacheRecord, DockerArchivesGetTheManifestThatMicrosandboxMakes) {
  const auto cache = test::upstream_path("images/f5-docker/cache/manifests");
  for (const auto& file : std::filesystem::directory_iterator(cache)) {
    if (file.path().extension() != ".json") continue;
    const auto record = CacheRecord::parse(test::read_file(file.path()));
    ASSERT_OK(record);
    const auto manifest = parse_manifest(record->raw_manifest);
    ASSERT_OK(manifest);
    const std::string made = synthesize_manifest(manifest->config, manifest->layers);
    EXPECT_EQ(made, record->raw_manifest);
    EXPECT_EQ(Digest::sha256_of(as_bytes(made)), record->manifest_digest);
  }
}

}  // namespace
}  // namespace msb::oci
