#include "base/error.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "base/result.h"

namespace msb {
namespace {

TEST(Error, MessageBeginsWithTheKind) {
  EXPECT_EQ(Error(Status::image_not_found, "alpine:3.20").message(), "image not found: alpine:3.20");
  EXPECT_EQ(Error(Status::snapshot_sandbox_running, "snapshot source sandbox 'a' is not stopped").message(),
            "snapshot source sandbox 'a' is not stopped");
}

TEST(Error, MessageIsOneLine) { EXPECT_EQ(Error(Status::io, "a\nb").message(), "io error: a b"); }

TEST(Error, IoNamesPathAndErrno) {
  const Error error = Error::io("open", "/x", ENOENT);
  EXPECT_EQ(error.message(), "io error: open /x: No such file or directory");
  EXPECT_EQ(error.os_code(), ENOENT);
  ASSERT_NE(error.fact("path"), nullptr);
  EXPECT_EQ(*error.fact("path"), "/x");
}

TEST(Error, ContextGoesBehindTheLeadIn) {
  EXPECT_EQ(Error(Status::image_invalid, "bad size").in("layer x").message(), "invalid image: layer x: bad size");
}

TEST(Error, BecomesOneOfAnotherKind) {
  const Error error = Error(Status::image_invalid, "\"a\": odd").with("member", "a").as(Status::snapshot_archive);
  EXPECT_EQ(error.status(), Status::snapshot_archive);
  EXPECT_EQ(error.message(), "invalid snapshot archive: \"a\": odd");
  EXPECT_EQ(*error.fact("member"), "a");
}

TEST(Error, KeepsItsCause) {
  const Error error = Error(Status::internal, "outer").because(Error(Status::io, "inner"));
  ASSERT_NE(error.cause(), nullptr);
  EXPECT_EQ(error.cause()->status(), Status::io);
}

Result<int> half(int n) {
  if (n % 2 != 0) return Error(Status::invalid_argument, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  MSB_TRY(const int h, half(n));
  return half(h);
}

TEST(Result, TryPassesErrorsUp) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().status(), Status::invalid_argument);
  EXPECT_EQ(quarter(3).error().message(), "invalid argument: odd");
}

TEST(Status, RowsAreFoundByValueAndTag) {
  EXPECT_EQ(find_status(Status::image_in_use)->tag, "image_in_use");
  EXPECT_EQ(find_status_by_tag("snapshot_integrity")->status, Status::snapshot_integrity);
  EXPECT_EQ(find_status(static_cast<Status>(4711)), nullptr);
  EXPECT_EQ(find_status_by_tag("nope"), nullptr);
}

}  // namespace
}  // namespace msb
