#include "os/handoff.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "support/result.h"

namespace msb::os {
namespace {

using std::chrono::milliseconds;

/// Counts up byte by byte, in pieces of odd sizes, and may fail at an offset.
class Counting final : public ByteSource {
 public:
  explicit Counting(uint64_t length) : length_(length) {}
  uint64_t fail_at = UINT64_MAX;
  bool throws = false;
  std::atomic<uint64_t> given = 0;

  Result<size_t> read(MutableBytes into) override {
    if (given >= fail_at) {
      if (throws) throw std::runtime_error("broken");
      return Error(Status::custom, "broken");
    }
    const size_t piece = std::min<uint64_t>({into.size(), 4099, std::min(length_, fail_at) - given});
    for (size_t i = 0; i < piece; ++i) into[i] = static_cast<std::byte>((given + i) % 251);
    given += piece;
    return piece;
  }

 private:
  uint64_t length_;
};

Result<uint64_t> drain(ByteSource& source) {
  uint64_t total = 0;
  std::vector<std::byte> buffer(10'007);
  for (;;) {
    MSB_TRY(const size_t n, source.read(buffer));
    if (n == 0) return total;
    for (size_t i = 0; i < n; ++i) {
      if (buffer[i] != static_cast<std::byte>((total + i) % 251)) return Error(Status::internal, "wrong byte");
    }
    total += n;
  }
}

class ReadAheadLengths : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Lengths, ReadAheadLengths, testing::Values(0, 1, 4095, 4096, 4097, 1'000'000));

TEST_P(ReadAheadLengths, SameBytes) {
  Counting source(GetParam());
  const Call call;
  ReadAhead ahead(source, call, 3, 4096);
  auto total = drain(ahead);
  ASSERT_OK(total);
  EXPECT_EQ(*total, GetParam());
  auto again = drain(ahead);
  ASSERT_OK(again);
  EXPECT_EQ(*again, 0U);
}

TEST(ReadAhead, IsBounded) {
  Counting source(1'000'000);
  const Call call;
  ReadAhead ahead(source, call, 3, 4096);
  std::byte one{};
  ASSERT_OK(ahead.read({&one, 1}));
  ASSERT_OK(call.pause(milliseconds(20)));
  EXPECT_LE(source.given.load(), 3U * 4096);
}

TEST(ReadAhead, FailureArrivesAfterTheBytesBeforeIt) {
  Counting source(1'000'000);
  source.fail_at = 10'000;
  const Call call;
  ReadAhead ahead(source, call, 3, 4096);
  std::vector<std::byte> buffer(20'000);
  size_t got = 0;
  for (;;) {
    const auto n = ahead.read(MutableBytes(buffer).subspan(got));
    if (!n) {
      EXPECT_STATUS(Status::custom, n);
      break;
    }
    ASSERT_GT(*n, 0U);
    got += *n;
  }
  EXPECT_EQ(got, 10'000U);
  EXPECT_STATUS(Status::internal, ahead.read(buffer));
}

TEST(ReadAhead, ThrownBecomesInternal) {
  Counting source(100);
  source.fail_at = 0;
  source.throws = true;
  const Call call;
  ReadAhead ahead(source, call);
  EXPECT_STATUS(Status::internal, drain(ahead));
}

TEST(ReadAhead, MayBeDroppedEarly) {
  Counting source(UINT64_MAX);
  const Call call;
  ReadAhead ahead(source, call, 2, 4096);
  std::byte one{};
  EXPECT_OK(ahead.read({&one, 1}));
}

TEST(ReadAhead, CancelEndsBothSides) {
  Counting source(UINT64_MAX);
  CancelToken token;
  const Call call(&token, Call::Clock::time_point::max(), nullptr, milliseconds(0));
  ReadAhead ahead(source, call, 2, 4096);
  token.trigger();
  std::vector<std::byte> buffer(100'000);
  EXPECT_STATUS(Status::cancelled, drain(ahead));
}

TEST_P(ReadAheadLengths, BorrowedBytesAreTheSame) {
  Counting source(GetParam());
  const Call call;
  ReadAhead ahead(source, call, 3, 4096);
  uint64_t total = 0;
  for (;;) {
    const auto bytes = ahead.borrow({});
    ASSERT_OK(bytes);
    if (bytes->empty()) break;
    for (const std::byte byte : *bytes) ASSERT_EQ(byte, static_cast<std::byte>(total++ % 251));
    std::byte next{};  // between two loans
    const auto size = ahead.read({&next, 1});
    ASSERT_OK(size);
    if (*size == 1) {
      ASSERT_EQ(next, static_cast<std::byte>(total++ % 251));
    }
  }
  EXPECT_EQ(total, GetParam());
}

TEST_P(ReadAheadLengths, TheWitnessHasSeenAllAtTheEnd) {
  Counting source(GetParam());
  const Call call;
  uint64_t seen = 0;
  bool right = true;
  ReadAhead ahead(
      source, call,
      [&](Bytes bytes) -> Done {
        for (const std::byte byte : bytes) right = right && byte == static_cast<std::byte>(seen++ % 251);
        return {};
      },
      3, 4096);
  const auto total = drain(ahead);
  ASSERT_OK(total);
  EXPECT_EQ(*total, GetParam());
  EXPECT_EQ(seen, GetParam());
  EXPECT_TRUE(right);
}

TEST(ReadAhead, AWitnessMayRefuse) {
  Counting source(1'000'000);
  const Call call;
  ReadAhead ahead(
      source, call, [](Bytes) -> Done { return Error(Status::custom, "enough"); }, 3, 4096);
  EXPECT_STATUS(Status::custom, drain(ahead));
}

TEST(ReadAhead, ABufferIsNotReusedBeforeTheWitnessHasSeenIt) {
  Counting source(UINT64_MAX);
  const Call call;
  std::atomic<bool> go = false;
  ReadAhead ahead(
      source, call,
      [&](Bytes) -> Done {
        while (!go) std::this_thread::yield();
        return {};
      },
      2, 4096);
  std::vector<std::byte> both(2 * 4096);
  const auto got = read_full(ahead, both);
  ASSERT_OK(got);
  EXPECT_EQ(source.given.load(), 2U * 4096);
  go = true;
  std::byte next{};
  ASSERT_OK(ahead.read({&next, 1}));
  EXPECT_EQ(next, static_cast<std::byte>(2 * 4096 % 251));
}

TEST(TeeSource, WitnessSeesEveryByte) {
  Counting source(50'000);
  uint64_t seen = 0;
  TeeSource tee(source, [&](Bytes bytes) {
    seen += bytes.size();
    return Done();
  });
  ASSERT_OK(drain(tee));
  EXPECT_EQ(seen, 50'000U);
}

TEST(TeeSource, WitnessMayRefuse) {
  Counting source(50'000);
  TeeSource tee(source, [](Bytes) -> Done { return Error(Status::custom, "enough"); });
  EXPECT_STATUS(Status::custom, drain(tee));
}

/// Keeps what it gets; fails from an offset on.
class Keeping final : public ByteSink {
 public:
  uint64_t fail_at = UINT64_MAX;
  std::string text;
  std::vector<size_t> sizes;
  Done write(Bytes bytes) override {
    if (text.size() >= fail_at) return Error(Status::custom, "broken");
    text.append(as_text(bytes));
    sizes.push_back(bytes.size());
    return {};
  }
};

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i % 251);
  return text;
}

TEST(WriteBehind, PassesEverythingOnInFullBuffers) {
  const Call call;
  Keeping out;
  WriteBehind behind(out, call, 2, 1000);
  const std::string text = pattern(12'345);
  for (size_t at = 0; at < text.size(); at += 777) ASSERT_OK(behind.write(as_bytes(text.substr(at, 777))));
  ASSERT_OK(behind.finish());
  EXPECT_EQ(out.text, text);
  ASSERT_EQ(out.sizes.size(), 13U);
  EXPECT_EQ(out.sizes.front(), 1000U);
  EXPECT_EQ(out.sizes.back(), 345U);
}

TEST(WriteBehind, BringsAFailureBack) {
  const Call call;
  Keeping out;
  out.fail_at = 3000;
  WriteBehind behind(out, call, 2, 1000);
  Done done = behind.write(as_bytes(pattern(100'000)));
  if (done) done = behind.finish();
  EXPECT_STATUS(Status::custom, done);
  EXPECT_EQ(out.text, pattern(3000));
}

TEST(WriteBehind, MayBeDroppedHalfway) {
  const Call call;
  Keeping out;
  WriteBehind behind(out, call, 4, 1000);
  EXPECT_OK(behind.write(as_bytes(pattern(2500))));
}

}  // namespace
}  // namespace msb::os
