#include "json/write.h"

#include <string>

#include <gtest/gtest.h>

namespace msb::json {
namespace {

TEST(Write, EscapesAsSerdeJson) {
  std::string all;
  for (char c = 0; c < 0x20; ++c) all += c;
  EXPECT_EQ(write(all),
            R"("\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f)"
            R"(\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f")");
  EXPECT_EQ(write(R"(a"b\c/d)"), R"("a\"b\\c/d")");
}

TEST(Write, LeavesOtherCharactersAsTheyAre) {
  // U+007F, U+0080, U+2028, U+2029, U+FEFF, U+FFFF, U+1F600, U+10FFFF
  const std::string text =
      "\x7f\xC2\x80\xE2\x80\xA8\xE2\x80\xA9\xEF\xBB\xBF\xEF\xBF\xBF\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF";
  EXPECT_EQ(write(text), '"' + text + '"');
}

TEST(Write, WholeRangeOfIntegers) {
  EXPECT_EQ(write(UINT64_MAX), "18446744073709551615");
  EXPECT_EQ(write(INT64_MIN), "-9223372036854775808");
  EXPECT_EQ(write(Array{0, -1, uint8_t{255}}), "[0,-1,255]");
}

TEST(Write, CompactHasNoSpace) {
  EXPECT_EQ(write(Object{{"b", Array{nullptr, true, Object{}}}, {"a", Array{}}, {"", "x y"}}),
            R"({"b":[null,true,{}],"a":[],"":"x y"})");
}

TEST(Write, PrettyIndentsByTwo) {
  EXPECT_EQ(write(Object{{"b", Array{1, Object{{"c", "d"}}}}, {"a", Array{}}, {"o", Object{}}}, Layout::pretty),
            "{\n  \"b\": [\n    1,\n    {\n      \"c\": \"d\"\n    }\n  ],\n  \"a\": [],\n  \"o\": {}\n}");
  EXPECT_EQ(write(nullptr, Layout::pretty), "null");
}

TEST(Write, SortedOrdersNamesByTheirBytesAtEveryDepth) {
  // UTF-16 order would put U+1F600 before U+FFFF.
  const Value value = Object{{"\xEF\xBF\xBF", 1},
                             {"\xF0\x9F\x98\x80", 2},
                             {"b", Array{Object{{"z", 1}, {"", 2}}}},
                             {"a\x7f", 3},
                             {"aa", 4},
                             {"B", 5}};
  EXPECT_EQ(write(sorted(value)),
            "{\"B\":5,\"aa\":4,\"a\x7f\":3,\"b\":[{\"\":2,\"z\":1}],\"\xEF\xBF\xBF\":1,\"\xF0\x9F\x98\x80\":2}");
}

}  // namespace
}  // namespace msb::json
