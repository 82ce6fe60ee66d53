#include "base/found.h"

#include <string>

#include <gtest/gtest.h>

namespace msb {
namespace {

TEST(FoundTest, OnlyWhatIsNotThereIsNothing) {
  const auto nothing = if_there(Result<int>(Error::io("open", "/a", ENOENT)));
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  const auto seven = if_there(Result<int>(7));
  ASSERT_TRUE(seven);
  EXPECT_EQ(*seven, 7);
  for (const int code : {EIO, EMFILE, ENFILE, ENOMEM, EACCES, ENOTDIR, ESTALE}) {
    const auto failed = if_there(Result<int>(Error::io("open", "/a", code)));
    ASSERT_FALSE(failed) << code;
    EXPECT_EQ(failed.error().os_code(), code);
  }
}

TEST(FoundTest, AKindOfItsOwnMayMeanThatNothingIsThere) {
  const auto nothing = if_there(Result<std::string>(Error(Status::image_not_found, "a")), {Status::image_not_found});
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  const auto failed = if_there(Result<std::string>(Error::io("open", "/a", ENOENT)), {Status::image_not_found});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().status(), Status::io);
}

}  // namespace
}  // namespace msb
