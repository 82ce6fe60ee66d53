#include "snapshot/descriptor.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "json/node.h"
#include "json/parse.h"
#include "snapshot/timestamp.h"
#include "support/fixtures.h"

namespace msb::snapshot {
namespace {

json::Value read_cases(const std::filesystem::path& file) {
  json::ParseOptions options;
  options.max_bytes = size_t{64} << 20;
  auto value = json::parse(test::read_file(file), options);
  EXPECT_TRUE(value.ok()) << value.error().message();
  return value.ok() ? *std::move(value) : json::Value();
}

std::string text_at(const json::Value& value, std::string_view name) {
  const json::Value* member = value.find(name);
  return member != nullptr && member->string() != nullptr ? *member->string() : std::string();
}

/// Cases that releases accept and we, as the format allows, do not: arrays in place of objects.
const std::set<std::string> kStricter = {"image as array", "top as array", "upper as array", "int array2"};
/// The same for manifest.json; and a label that occurs twice is no longer one of them, nor a disk named as a
/// descriptor.
const std::set<std::string> kStricterManifest = {"top array", "dup label", "file manifest.json"};
/// Cases about the payload, which a descriptor alone does not know.
const std::set<std::string> kAboutPayload = {"size mismatch", "size 2^53-1", "upper missing", "file nul"};

TEST(Descriptor, AgreesWithReleasesOnSnapshotJson) {
  const auto file = test::upstream_path("snapshots/descriptor-cases.json");
  const json::Value document = read_cases(file);
  size_t accepted = 0;
  for (const json::Value& test_case : *document.find("cases")->array()) {
    const std::string name = text_at(test_case, "name");
    if (test_case.find("descriptor") == nullptr || kAboutPayload.contains(name)) continue;
    const auto descriptor = parse_descriptor(text_at(test_case, "descriptor"), Form::snapshot);
    if (text_at(test_case, "result") != "ok" || kStricter.contains(name)) {
      EXPECT_FALSE(descriptor.ok()) << name;
      if (!descriptor) {
        EXPECT_EQ(descriptor.error().status(), Status::snapshot_integrity) << name;
      }
      continue;
    }
    ASSERT_TRUE(descriptor.ok()) << name << ": " << descriptor.error().message();
    EXPECT_EQ(identity(*descriptor).text(), text_at(test_case, "digest")) << name << "\n"
                                                                          << canonical_bytes(*descriptor);
    ++accepted;
  }
  EXPECT_GT(accepted, 100U);
}

TEST(Descriptor, AgreesWithReleasesOnManifestJson) {
  const auto file = test::upstream_path("snapshots/legacy-descriptor-cases.json");
  const json::Value document = read_cases(file);
  for (const json::Value& test_case : *document.find("cases")->array()) {
    const std::string name = text_at(test_case, "name");
    const auto descriptor = parse_descriptor(text_at(test_case, "descriptor"), Form::manifest);
    if (kStricterManifest.contains(name)) {
      EXPECT_FALSE(descriptor.ok()) << name;
      continue;
    }
    if (text_at(test_case, "result") != "ok") continue;  // some of them for their payload
    if (!descriptor) {
      ADD_FAILURE() << name << ": " << descriptor.error().message();
      continue;
    }
    EXPECT_EQ(identity(*descriptor).text(), text_at(test_case, "digest")) << name;
  }
}

TEST(Descriptor, RefusesWhatItMust) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::tests_path("golden/reject/descriptor"))) {
    const std::string name = entry.path().filename();
    const Form form = name.starts_with("manifest") ? Form::manifest
                      : name.starts_with("member") ? Form::member
                                                   : Form::snapshot;
    const auto descriptor = parse_descriptor(test::read_file(entry.path()), form);
    ASSERT_FALSE(descriptor.ok()) << entry.path().filename();
    EXPECT_EQ(descriptor.error().status(), Status::snapshot_integrity) << entry.path().filename();
    ++count;
  }
  EXPECT_GE(count, 98U);
}

TEST(Descriptor, ExtensionsOfMembersAreInUtf16Order) {
  const std::string canonical = test::read_file(test::tests_path("fuzz/corpus/descriptor/member-with-extensions.json"));
  const auto descriptor = parse_descriptor(canonical, Form::member);
  ASSERT_TRUE(descriptor.ok()) << descriptor.error().message();
  EXPECT_EQ(canonical_bytes(*descriptor), canonical);
  EXPECT_EQ(descriptor->requirements, std::vector<std::string>{"microsandbox.restore-defaults"});
  Descriptor shuffled = *descriptor;
  std::reverse(shuffled.extensions.begin(), shuffled.extensions.end());
  EXPECT_EQ(canonical_bytes(shuffled), canonical);
}

TEST(Descriptor, TimesHaveOneNormalForm) {
  EXPECT_EQ(normalize_timestamp("2026-05-01T12:00:00.1000Z"), "2026-05-01T12:00:00.1Z");
  EXPECT_EQ(normalize_timestamp("2026-05-01 00:30:60+01:00"), "2026-04-30T23:30:60Z");
  EXPECT_EQ(normalize_timestamp("2026-05-01T12:00:00.1234567899Z"), "2026-05-01T12:00:00.123456789Z");
  EXPECT_FALSE(normalize_timestamp("0000-01-01T00:00:00+01:00"));
  EXPECT_FALSE(normalize_timestamp("2026-02-29T00:00:00Z"));
  EXPECT_FALSE(normalize_timestamp("2026-05-01T12:00:00"));
}

TEST(Descriptor, PayloadNamesAreOneComponent) {
  EXPECT_TRUE(is_payload_name("upper.ext4"));
  for (const char* name : {"", ".", "..", "a/b", "upper.ext4/", "snapshot.json", "manifest.json"}) {
    EXPECT_FALSE(is_payload_name(name)) << name;
  }
}

}  // namespace
}  // namespace msb::snapshot
