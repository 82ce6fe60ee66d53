#include "erofs/vmdk.h"

#include <gtest/gtest.h>

#include "support/image_fixtures.h"
#include "support/result.h"

namespace msb::erofs {
namespace {

TEST(Vmdk, ReproducesThoseOfMicrosandbox) {
  const auto files = test::cached_files("vmdk");
  ASSERT_FALSE(files.empty());
  for (const auto& path : files) {
    const std::string text = test::read_file(path);
    const auto extents = parse_vmdk(text);
    ASSERT_OK(extents);
    const auto again = format_vmdk(*extents);
    ASSERT_OK(again);
    EXPECT_EQ(*again, text);
  }
}

TEST(Vmdk, HasOneLineForAFileOfAnySize) {
  const Extent extents[] = {{"m.erofs", 16}, {"../layers/big.erofs", 20'000'000}};
  const auto text = format_vmdk(extents);
  ASSERT_OK(text);
  EXPECT_NE(text->find("RW 20000000 FLAT \"../layers/big.erofs\" 0\n"), std::string::npos);
  EXPECT_NE(text->find("cylinders = \"19842\""), std::string::npos);
  EXPECT_EQ(*parse_vmdk(*text), std::vector<Extent>(std::begin(extents), std::end(extents)));
}

TEST(Vmdk, JoinsTheLinesOfALargeFile) {
  const auto extents = parse_vmdk(
      "version=1\nRW 16 FLAT \"m\" 0\n"
      "RW 4194304 FLAT \"big\" 0\nRW 4194304 FLAT \"big\" 4194304\nRW 8 FLAT \"big\" 8388608\n"
      "RW 8 FLAT \"small\" 0\nRW 8 FLAT \"small\" 0\n");
  ASSERT_OK(extents);
  EXPECT_EQ(*extents, (std::vector<Extent>{{"m", 16}, {"big", 8388616}, {"small", 8}, {"small", 8}}));
}

TEST(Vmdk, RefusesPathsThatWouldBeReadAsSomethingElse) {
  for (const char* path : {"", "a\"b", "a\nRW 1 FLAT \"/etc/shadow\" 0"}) {
    const Extent extents[] = {{path, 1}};
    EXPECT_STATUS(Status::invalid_argument, format_vmdk(extents));
  }
}

TEST(Vmdk, RefusesEveryReject) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(test::tests_path("golden/reject/vmdk"))) {
    EXPECT_STATUS(Status::image_invalid, parse_vmdk(test::read_file(file.path()))) << file.path();
    ++files;
  }
  EXPECT_GE(files, 10);
}

}  // namespace
}  // namespace msb::erofs
