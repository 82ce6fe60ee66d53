#include "digest/merkle.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/integrity_vectors.h"

namespace msb::merkle {
namespace {

TEST(Merkle, MatchesReleases) {
  size_t count = 0;
  for (const auto& vector : test::integrity_vectors()) {
    Stream stream;
    uint64_t at = 0;
    for (const test::Run& run : vector.runs()) {
      stream.zeros(run.offset - at);
      stream.update(as_bytes(run.bytes));
      at = run.offset + run.bytes.size();
    }
    stream.zeros(vector.size - at);
    EXPECT_EQ(stream.digest().text(), vector.root) << vector.name;
    ++count;
  }
  EXPECT_EQ(count, 11U);
}

TEST(Merkle, ZeroNodes) {
  EXPECT_EQ(to_hex(zero_node(0)), "3f25fe2cf45f5b6ec78fcd0cfc1a5fa483007e13aa38e28b8d8ab5dabbf6d790");
  EXPECT_EQ(to_hex(zero_node(16)), "213c93eb326f8c41f3623f547efd3bb96b346ad843780cda137ae309e140c5a0");
  Hasher hasher;
  EXPECT_EQ(hasher.leaf({}), zero_node(0));
  EXPECT_EQ(hasher.parent(zero_node(47), zero_node(47)), zero_node(48));
}

TEST(Merkle, PiecesDoNotMatter) {
  std::string bytes = test::generated_bytes(7, 5 * kLeafBytes + 123);
  std::fill_n(bytes.begin() + kLeafBytes - 10, kLeafBytes + 20, '\0');  // a leaf of zeros, and a bit around it
  const auto digest_of = [&bytes](size_t piece, bool tell_zeros) {
    Stream stream;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      const Bytes part = as_bytes(bytes).subspan(at, std::min(piece, bytes.size() - at));
      if (tell_zeros && is_zero(part)) {
        stream.zeros(part.size());
      } else {
        stream.update(part);
      }
    }
    return stream.digest().text();
  };
  const std::string expected = digest_of(bytes.size(), false);
  for (const size_t piece : {1U, 7U, 4096U, 65'535U, 65'536U, 65'537U, 131'072U}) {
    EXPECT_EQ(digest_of(piece, false), expected) << piece;
    EXPECT_EQ(digest_of(piece, true), expected) << piece;
  }
}

TEST(Merkle, SubtreesJoinAsTheirLeavesDo) {
  const std::string bytes = test::generated_bytes(9, 11 * kLeafBytes);
  Hasher hasher;
  std::vector<Node> leaves;
  for (size_t i = 0; i < 11; ++i) leaves.push_back(hasher.leaf(as_bytes(bytes).subspan(i * kLeafBytes, kLeafBytes)));

  Joiner one_by_one;
  for (const Node& leaf : leaves) one_by_one.add(leaf);
  const Digest expected = one_by_one.root(bytes.size());

  Joiner joined;
  for (const size_t first : {0U, 4U, 8U}) {
    Joiner four;
    for (size_t i = first; i < std::min<size_t>(first + 4, 11); ++i) four.add(leaves[i]);
    four.skip_to(4);
    joined.add(four.top(), 2);
  }
  EXPECT_EQ(joined.leaf(), 12U);
  EXPECT_EQ(joined.root(bytes.size()), expected);
}

TEST(Merkle, SizeIsPartOfTheDigest) {
  Stream short_one;
  short_one.update(as_bytes("hello"));
  Stream long_one;
  long_one.update(as_bytes("hello"));
  long_one.zeros(1);
  EXPECT_NE(short_one.digest(), long_one.digest());
}

}  // namespace
}  // namespace msb::merkle
