#include "cli/text.h"

#include <gtest/gtest.h>

#include "cli/json.h"
#include "cli/table.h"

namespace msbctl {
namespace {

TEST(HumanSize, UsesPowersOf1024WithOneDecimal) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(1023), "1023 B");
  EXPECT_EQ(human_size(1024), "1.0 KiB");
  EXPECT_EQ(human_size(1536 * 1024), "1.5 MiB");
  EXPECT_EQ(human_size(1024 * 1024 - 1), "1.0 MiB") << "never 1024.0 KiB";
  EXPECT_EQ(human_size(UINT64_C(5) << 40), "5.0 TiB");
}

TEST(Times, AreRfc3339WithTheDecimalsTheyNeed) {
  EXPECT_EQ(utc_time(0), "1970-01-01T00:00:00+00:00");
  EXPECT_EQ(utc_time(1'500'000'000), "1970-01-01T00:00:01.500+00:00");
  EXPECT_EQ(utc_time(1'000'000'001), "1970-01-01T00:00:01.000000001+00:00");
  EXPECT_EQ(utc_time(-1), "1969-12-31T23:59:59.999999999+00:00");
  EXPECT_EQ(local_time(INT64_MIN), "-");
}

TEST(ClockTime, HasHoursOnlyWhenThereAreSome) {
  EXPECT_EQ(clock_time(7), "0:07");
  EXPECT_EQ(clock_time(3723), "1:02:03");
}

TEST(Printable, SpellsOutWhatCouldDriveATerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(printable("\xC2\x9B"), "\\x9b") << "a control of eight bits";
  EXPECT_EQ(printable("naïve ✓"), "naïve ✓");
  EXPECT_EQ(printable("\xFF\xE2\x82"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(printable("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate is no character";
}

TEST(Cut, CountsCharacters) {
  EXPECT_EQ(cut("✓✓✓", 3), "✓✓✓");
  EXPECT_EQ(cut("✓✓✓✓", 3), "✓✓…");
  EXPECT_EQ(cut("x", 0), "");
}

TEST(Wrap, KeepsLinesWithinTheWidthAndExamplesAsTheyAre) {
  EXPECT_EQ(wrap("one two three", 7, 2), "one two\n  three");
  EXPECT_EQ(wrap("Examples:\n  a very long command", 7, 0), "Examples:\n  a very long command");
}

TEST(Json, SortsKeysAndSurvivesBytesThatAreNoText) {
  EXPECT_EQ(Json::object({{"b", true}, {"a", "\xFF"}, {"c", nullptr}}).text(),
            "{\n  \"a\": \"\uFFFD\",\n  \"b\": true,\n  \"c\": null\n}\n");
}

TEST(Table, AlignsByCharactersAndPrintsNothingForNoRows) {
  Table table({"NAME", "SIZE"});
  EXPECT_EQ(table.text(false), "");
  table.add({"ümlaut", ""});
  EXPECT_EQ(table.text(false), "NAME      SIZE\nümlaut    -\n");
}

}  // namespace
}  // namespace msbctl
