#include <fstream>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "json/parse.h"
#include "json/write.h"
#include "support/fixtures.h"

namespace msb::json {
namespace {

TEST(Number, ReadAndWrittenAsBySerdeJson) {
  std::ifstream file(test::tests_path("golden/json/numbers.tsv"));
  size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const size_t tab = line.find('\t');
    const std::string token = line.substr(0, tab);
    const auto value = parse(token);
    EXPECT_EQ(value ? write(*value) : "error", line.substr(tab + 1)) << token;
    ++count;
  }
  EXPECT_GT(count, 400U);
}

TEST(Number, IntegersAreThoseWrittenAsSuch) {
  EXPECT_EQ(parse("18446744073709551615")->u64(), UINT64_MAX);
  EXPECT_EQ(parse("-9223372036854775808")->i64(), INT64_MIN);
  EXPECT_EQ(parse("9223372036854775807")->i64(), INT64_MAX);
  EXPECT_FALSE(parse("9223372036854775808")->i64());
  for (const char* token : {"5.0", "5e0", "-0", "18446744073709551616", "-9223372036854775809"}) {
    EXPECT_FALSE(parse(token)->u64()) << token;
    EXPECT_FALSE(parse(token)->i64()) << token;
    EXPECT_TRUE(parse(token)->number()) << token;
  }
  EXPECT_FALSE(parse("-1")->u64());
  EXPECT_EQ(parse("-1")->number(), -1.0);
}

TEST(Number, NotationChangesAtTheEdges) {
  EXPECT_EQ(write(1e15), "1000000000000000.0");
  EXPECT_EQ(write(1e16), "1e+16");
  EXPECT_EQ(write(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(write(0.00001), "0.00001");
  EXPECT_EQ(write(0.00000999999), "9.99999e-6");
  EXPECT_EQ(write(-0.0), "-0.0");
  EXPECT_EQ(write(5e-324), "5e-324");
  EXPECT_EQ(write(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
}

TEST(Number, WhatJsonCannotSayIsNull) {
  EXPECT_EQ(write(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(write(std::numeric_limits<double>::quiet_NaN()), "null");
}

}  // namespace
}  // namespace msb::json
