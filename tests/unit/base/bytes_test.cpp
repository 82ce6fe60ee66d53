#include "base/bytes.h"

#include <gtest/gtest.h>

namespace msb {
namespace {

TEST(Bytes, ZerosAreAllZeros) {
  EXPECT_TRUE(is_zero({}));
  for (const size_t size : {1U, 2U, 100U, 4097U}) {
    std::string bytes(size, '\0');
    EXPECT_TRUE(is_zero(as_bytes(bytes)));
    for (const size_t at : {size_t{0}, size / 2, size - 1}) {
      bytes[at] = 1;
      EXPECT_FALSE(is_zero(as_bytes(bytes))) << at << " of " << size;
      bytes[at] = 0;
    }
  }
}

TEST(Bytes, HexRoundTrips) {
  EXPECT_EQ(to_hex(as_bytes(std::string_view("\x00\x7f\xff", 3))), "007fff");
  EXPECT_EQ(from_hex("007fff"), std::string("\x00\x7f\xff", 3));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("AB"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(Bytes, Utf8AcceptsWhatUnicodeDefines) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_utf8("\xC0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(is_utf8("\xE4\xB8"));          // cut short
  EXPECT_FALSE(is_utf8("\x80"));
}

TEST(Bytes, CheckedAddNoticesOverflow) {
  EXPECT_EQ(checked_add<uint64_t>(1, 2), 3U);
  EXPECT_FALSE(checked_add<uint64_t>(UINT64_MAX, 1));
}

}  // namespace
}  // namespace msb
