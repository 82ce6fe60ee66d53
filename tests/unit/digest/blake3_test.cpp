#include "digest/blake3.h"

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace msb {
namespace {

std::vector<std::byte> vector_input(size_t length) {
  std::vector<std::byte> bytes(length);
  for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::byte>(i % 251);
  return bytes;
}

TEST(Blake3, MatchesTheOfficialVectors) {
  std::ifstream file(test::tests_path("golden/digest/blake3.tsv"));
  size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const size_t tab = line.find('\t');
    EXPECT_EQ(to_hex(Blake3::of(vector_input(std::stoul(line)))), line.substr(tab + 1)) << line;
    ++count;
  }
  EXPECT_GE(count, 35U);
}

TEST(Blake3, PiecesDoNotMatter) {
  const auto bytes = vector_input(300'000);
  const auto expected = Blake3::of(bytes);
  for (const size_t piece : {1U, 63U, 64U, 1000U, 1023U, 1024U, 1025U, 4096U, 65'536U, 65'537U, 131'073U}) {
    Blake3 hash;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      hash.update(Bytes(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    }
    EXPECT_EQ(hash.value(), expected) << piece;
  }
}

TEST(Blake3, GoesOnAfterItsValueWasAsked) {
  const auto bytes = vector_input(5000);
  Blake3 hash;
  for (size_t at = 0; at < bytes.size(); at += 500) {
    EXPECT_EQ(hash.value(), Blake3::of(Bytes(bytes).first(at)));
    hash.update(Bytes(bytes).subspan(at, 500));
  }
  EXPECT_EQ(hash.value(), Blake3::of(bytes));
}

TEST(Blake3, ResetForgets) {
  Blake3 hash;
  hash.update(vector_input(70'001));
  hash.reset();
  EXPECT_EQ(hash.value(), Blake3::of({}));
  hash.update(as_bytes("abc"));
  EXPECT_EQ(hash.digest().text(), "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
}

}  // namespace
}  // namespace msb
