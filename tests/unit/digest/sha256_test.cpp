#include "digest/sha256.h"

#include <string>

#include <gtest/gtest.h>

namespace msb {
namespace {

// FIPS 180-4 examples.
constexpr const char* kOfNothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kOfAbc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kOfMillionA = "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, MatchesTheStandard) {
  EXPECT_EQ(Digest::sha256_of({}).text(), kOfNothing);
  EXPECT_EQ(Digest::sha256_of(as_bytes("abc")).text(), kOfAbc);
  EXPECT_EQ(Digest::sha256_of(as_bytes(std::string(1'000'000, 'a'))).text(), kOfMillionA);
}

TEST(Sha256, PiecesDoNotMatter) {
  Sha256 hash;
  for (int i = 0; i < 100; ++i) hash.update(as_bytes(std::string(10'000, 'a')));
  EXPECT_EQ(hash.digest().text(), kOfMillionA);
}

TEST(Sha256, GoesOnAfterItsValueWasAsked) {
  Sha256 hash;
  EXPECT_EQ(hash.digest().text(), kOfNothing);
  hash.update(as_bytes("ab"));
  hash.digest();
  hash.update(as_bytes("c"));
  EXPECT_EQ(hash.digest().text(), kOfAbc);
}

TEST(Sha256, CopiesGoTheirOwnWays) {
  Sha256 a;
  a.update(as_bytes("ab"));
  Sha256 b(a);
  b.update(as_bytes("d"));
  a.update(as_bytes("c"));
  EXPECT_EQ(a.digest().text(), kOfAbc);
  EXPECT_NE(b.digest(), a.digest());
  b = a;
  EXPECT_EQ(b.digest(), a.digest());
}

}  // namespace
}  // namespace msb
