#include "json/parse.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "json/write.h"
#include "support/fixtures.h"

namespace msb::json {
namespace {

using namespace std::string_literals;

TEST(Parse, KindsOfValues) {
  const auto value = parse(R"( {"z":null,"a":[true,false,1,-1,0.5,"s"],"o":{}} )");
  ASSERT_TRUE(value);
  const Object expected = {{"z", nullptr}, {"a", Array{true, false, 1, -1, 0.5, "s"}}, {"o", Object{}}};
  EXPECT_EQ(*value, Value(expected));
}

TEST(Parse, ScalarsAreDocuments) {
  EXPECT_TRUE(parse("null")->is_null());
  EXPECT_EQ(parse(" 7\r\n\t")->u64(), 7U);
  EXPECT_EQ(*parse(R"("x")")->string(), "x");
}

TEST(Parse, KeepsTheOrderOfMembersAndTheirNumbers) {
  const std::string text = R"({"z":1,"y":[2,{"x":3,"a":4}],"b":5,"a":-6,"c":7.5})";
  EXPECT_EQ(write(*parse(text)), text);
}

TEST(Parse, UnescapesStrings) {
  EXPECT_EQ(*parse(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u4e2d\ud83d\ude00")")->string(),
            "\"\\/\b\f\n\r\tA\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80");
  EXPECT_EQ(*parse("\"a\\u0000b\"")->string(), "a\0b"s);
  EXPECT_EQ(*parse("\"\x7f\xC2\x80\xEF\xBB\xBF\xEF\xBF\xBF\"")->string(), "\x7f\xC2\x80\xEF\xBB\xBF\xEF\xBF\xBF");
}

TEST(Parse, NumbersInStringsAndNamesAreLeftAlone) {
  const std::string text = R"({"1":"2","-0 \" 3":["\\",4,"5\\\" 6",7]})";
  EXPECT_EQ(write(*parse(text)), text);
}

TEST(Parse, ErrorsSayWhatAndWhere) {
  EXPECT_EQ(parse(R"({"a":1,"a":2})").error().message(), "json error: a member occurs twice at byte 10");
  EXPECT_EQ(parse("[1] ]").error().message(), "json error: something follows the document at byte 5");
  EXPECT_EQ(parse("[123, 01]").error().message(), "json error: malformed number at byte 6");
  EXPECT_EQ(*parse("[123, 01]").error().fact("offset"), "6");
  EXPECT_EQ(parse("[1e999]").error().message(), "json error: number too large at byte 1");
  EXPECT_EQ(parse("[12345 6]").error().message(), "json error: ']' expected at byte 8");
}

TEST(Parse, TheCallerChoosesTheKind) {
  for (const char* text : {"[", "[1.]", ""}) {
    EXPECT_EQ(parse(text, {.status = Status::image_invalid}).error().status(), Status::image_invalid) << text;
  }
}

TEST(Parse, LimitsBytes) {
  EXPECT_TRUE(parse("[1,2,3]", {.max_bytes = 7}));
  EXPECT_FALSE(parse("[1,2,3]", {.max_bytes = 6}));
}

TEST(Parse, LimitsDepth) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse(nested(127)));
  EXPECT_FALSE(parse(nested(128)));
  EXPECT_TRUE(parse("[[],[],{\"[\":[]}]", {.max_depth = 3}));
  EXPECT_EQ(parse("[[],[[]]]", {.max_depth = 2}).error().message(), "json error: nested deeper than 2 at byte 5");
}

TEST(Parse, LimitsValues) {
  EXPECT_TRUE(parse("[1,2,3]", {.max_values = 4}));
  EXPECT_FALSE(parse("[1,2,3,4]", {.max_values = 3}));
  std::string many = "[0";
  for (int i = 0; i < 200'000; ++i) many += ",0";
  EXPECT_FALSE(parse(many + "]"));
}

TEST(Parse, RefusesEveryReject) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::tests_path("golden/reject/json"))) {
    EXPECT_FALSE(parse(test::read_file(entry.path()))) << entry.path();
    ++count;
  }
  EXPECT_GT(count, 50U);
}

}  // namespace
}  // namespace msb::json
