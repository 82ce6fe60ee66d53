#include "oci/platform.h"

#include <gtest/gtest.h>

#include "support/result.h"

namespace msb::oci {
namespace {

TEST(Platform, IsRead) {
  EXPECT_EQ(*Platform::parse("linux/amd64"), (Platform{"linux", "amd64", ""}));
  EXPECT_EQ(*Platform::parse("linux/arm/v6"), (Platform{"linux", "arm", "v6"}));
  EXPECT_EQ(*Platform::parse("linux/x86_64"), (Platform{"linux", "amd64", ""}));
  EXPECT_EQ(*Platform::parse("linux/aarch64"), (Platform{"linux", "arm64", ""}));
  EXPECT_EQ(Platform::parse("linux/arm64/v8")->text(), "linux/arm64/v8");
}

TEST(Platform, RefusesOtherTexts) {
  for (const char* text :
       {"", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux//v7", "linux/am d64", "linux/\n"}) {
    EXPECT_STATUS(Status::invalid_argument, Platform::parse(text)) << text;
  }
}

TEST(Platform, HostIsLinuxInTheNamesOfImages) {
  const Platform host = Platform::host();
  EXPECT_EQ(host.os, "linux");
#if defined(__x86_64__)
  EXPECT_EQ(host.text(), "linux/amd64");
#elif defined(__aarch64__)
  EXPECT_EQ(host.text(), "linux/arm64");
#endif
}

int rank(const char* wanted, const char* offered) {
  return Platform::parse(wanted)->rank(*Platform::parse(offered)).value_or(-1);
}

TEST(Platform, PrefersItsOwnVariantThenLowerOnes) {
  EXPECT_GT(rank("linux/arm/v7", "linux/arm/v7"), rank("linux/arm/v7", "linux/arm"));
  EXPECT_GT(rank("linux/arm/v7", "linux/arm"), rank("linux/arm/v7", "linux/arm/v6"));
  EXPECT_GT(rank("linux/arm/v7", "linux/arm/v6"), rank("linux/arm/v7", "linux/arm/v5"));
  EXPECT_GT(rank("linux/amd64/v3", "linux/amd64/v3"), rank("linux/amd64/v3", "linux/amd64/v2"));
  EXPECT_GT(rank("linux/amd64/v3", "linux/amd64/v2"), rank("linux/amd64/v3", "linux/amd64"));
  EXPECT_GT(rank("linux/arm64", "linux/arm64"), rank("linux/arm64", "linux/arm64/v8"));
  EXPECT_GE(rank("linux/arm64", "linux/arm64/v8"), 0);
  EXPECT_GE(rank("linux/arm64/v8", "linux/arm64"), 0);
}

TEST(Platform, RunsNothingNewerOrOther) {
  EXPECT_EQ(rank("linux/arm/v6", "linux/arm/v7"), -1);
  EXPECT_EQ(rank("linux/amd64", "linux/amd64/v3"), -1);
  EXPECT_EQ(rank("linux/amd64", "linux/arm64"), -1);
  EXPECT_EQ(rank("linux/amd64", "windows/amd64"), -1);
  EXPECT_EQ(rank("linux/arm64", "linux/arm64/v9"), -1);
  EXPECT_EQ(rank("linux/amd64", "linux/amd64/special"), -1);
  EXPECT_EQ(rank("linux/amd64/special", "linux/amd64"), 0);
}

}  // namespace
}  // namespace msb::oci
