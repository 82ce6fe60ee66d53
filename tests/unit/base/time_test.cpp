#include "base/time.h"

#include <gtest/gtest.h>

namespace msb {
namespace {

TEST(Time, DatabaseFormHasShortestExactFraction) {
  EXPECT_EQ(format_db_time(0), "1970-01-01 00:00:00");
  EXPECT_EQ(format_db_time(1'500'000'000), "1970-01-01 00:00:01.500");
  EXPECT_EQ(format_db_time(1'000'001'000), "1970-01-01 00:00:01.000001");
  EXPECT_EQ(format_db_time(1'795'228'725'595'766'087), "2026-11-21 02:38:45.595766087");
  EXPECT_EQ(format_db_time(-1), "1969-12-31 23:59:59.999999999");
}

TEST(Time, ReadsWhatReleasesWrite) {
  EXPECT_EQ(parse_time("2026-11-21 02:38:45.595766087"), 1'795'228'725'595'766'087);
  EXPECT_EQ(parse_time("2026-11-21T02:38:45Z"), 1'795'228'725'000'000'000);
  EXPECT_EQ(parse_time("2026-11-21T03:38:45+01:00"), 1'795'228'725'000'000'000);
  EXPECT_EQ(parse_time("1970-01-01 00:00:00.1234567899"), 123'456'789);
}

TEST(Time, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2026-11-21", "2026-13-01 00:00:00", "2026-02-30 00:00:00", "2026-11-21 24:00:00", "2026-11-21 00:00:00.",
        "2026-11-21 00:00:00x", "2026-11-21T00:00:00+25:00", "9999-01-01 00:00:00"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(Time, RoundTrips) {
  for (const int64_t t : {int64_t{0}, int64_t{1}, int64_t{-999}, int64_t{1'795'228'725'000'001'000}}) {
    EXPECT_EQ(parse_time(format_db_time(t)), t);
    EXPECT_EQ(parse_time(format_rfc3339(t, "Z")), t);
  }
}

}  // namespace
}  // namespace msb
