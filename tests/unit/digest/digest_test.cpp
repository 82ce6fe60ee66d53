#include "digest/digest.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace msb {
namespace {

const std::string kHex64(64, 'a');

TEST(Digest, ParsesAndTakesApart) {
  const auto digest = Digest::parse("sha256:" + kHex64);
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->algorithm(), "sha256");
  EXPECT_EQ(digest->hex(), kHex64);
  EXPECT_EQ(digest->text(), "sha256:" + kHex64);
  EXPECT_EQ(digest->safe_name(), "sha256_" + kHex64);
  EXPECT_TRUE(digest->is_sha256());
  EXPECT_FALSE(digest->empty());
}

TEST(Digest, AcceptsTheGrammarOfOci) {
  for (const std::string& text :
       {"sha512:" + kHex64 + kHex64, "blake3:" + kHex64, std::string("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g="),
        std::string("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8"), std::string("a-b_c.d:x")}) {
    EXPECT_TRUE(Digest::parse(text)) << text;
  }
}

TEST(Digest, RefusesTheRest) {
  const std::vector<std::string> malformed = {"",
                                              ":",
                                              "sha256",
                                              "sha256:",
                                              "sha256:" + kHex64.substr(1),
                                              "sha256:" + kHex64 + "a",
                                              "sha256:" + std::string(64, 'A'),
                                              "sha256:" + std::string(64, 'g'),
                                              "sha512:" + kHex64,
                                              "blake3:" + kHex64 + "00",
                                              "SHA256:" + kHex64,
                                              "+sha:aa",
                                              "sha+:aa",
                                              "a++b:aa",
                                              "a:",
                                              "a:b/c",
                                              "a:..",
                                              "a:b:c",
                                              " sha256:" + kHex64,
                                              "sha256:" + kHex64 + "\n",
                                              "a:" + std::string(Digest::kMaxLength, 'b')};
  for (const std::string& text : malformed) {
    const auto digest = Digest::parse(text);
    ASSERT_FALSE(digest) << text;
    EXPECT_EQ(digest.error().status(), Status::invalid_argument);
    ASSERT_NE(digest.error().fact("digest"), nullptr);
    EXPECT_EQ(*digest.error().fact("digest"), text.substr(0, Digest::kMaxLength));
  }
}

TEST(Digest, ErrorSaysWhatIsWrong) {
  EXPECT_EQ(Digest::parse("md5").error().message(),
            "invalid argument: malformed digest 'md5': expected <algorithm>:<hex>");
  EXPECT_EQ(Digest::parse("sha256:00").error().message(),
            "invalid argument: malformed digest 'sha256:00': the value has the wrong length");
}

TEST(Digest, ComparesByText) {
  const Digest a = *Digest::parse("sha256:" + kHex64);
  const Digest b = *Digest::parse("sha256:" + std::string(64, 'b'));
  EXPECT_EQ(a, *Digest::parse(a.text()));
  EXPECT_NE(a, b);
  EXPECT_LT(a, b);
  EXPECT_LT(Digest(), a);
}

TEST(Digest, DefaultIsEmpty) {
  const Digest none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.text(), "");
  EXPECT_EQ(none.hex(), "");
  EXPECT_EQ(none.algorithm(), "");
  EXPECT_EQ(none.safe_name(), "");
}

}  // namespace
}  // namespace msb
