// Canonical bytes against what released programs computed: the generic JSON among the recorded descriptor cases.

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "digest/digest.h"
#include "json/parse.h"
#include "json/write.h"
#include "support/fixtures.h"

namespace msb::json {
namespace {

// The canonical form of a descriptor whose fixed members are in order already.
std::string canonical(const Value& descriptor) {
  Object members = *descriptor.object();
  for (Member& member : members) {
    if (member.name == "labels" || member.name == "extensions") member.value = sorted(std::move(member.value));
  }
  return write(members);
}

bool is_about_json(std::string_view name) {
  for (const std::string_view start : {"base", "bom", "trailing", "two docs", "dup top key", "dup labels", "empty",
                                       "depth", "number ", "string ", "label order", "nested ext order"}) {
    if (name.starts_with(start)) return true;
  }
  return false;
}

TEST(Canonical, EqualsWhatReleasesComputed) {
  const auto path = test::upstream_path("snapshots/descriptor-cases.json");
  const auto cases = parse(test::read_file(path));
  ASSERT_TRUE(cases) << cases.error().message();
  size_t count = 0;
  for (const Value& entry : *cases->find("cases")->array()) {
    const std::string& name = *entry.find("name")->string();
    if (!is_about_json(name)) continue;
    const auto descriptor = parse(*entry.find("descriptor")->string());
    const bool expected = *entry.find("result")->string() == "ok";
    EXPECT_EQ(descriptor.ok(), expected) << name;
    if (descriptor && expected) {
      EXPECT_EQ(Digest::sha256_of(as_bytes(canonical(*descriptor))).text(), *entry.find("digest")->string()) << name;
    }
    ++count;
  }
  EXPECT_GT(count, 100U);
}

}  // namespace
}  // namespace msb::json
