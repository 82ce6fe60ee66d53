#include "archive/zstd_parallel_sink.h"

#include <zstd.h>

#include <gtest/gtest.h>

#include "archive/inflate.h"
#include "support/result.h"
#include "support/streams.h"

namespace msb::archive {
namespace {

using test::noise;
using test::StringSink;
using test::StringSource;

const Call kCall;

std::string inflate(const std::string& compressed) {
  StringSource source(compressed);
  const auto inflated = InflatedSource::open(source);
  EXPECT_OK(inflated);
  EXPECT_EQ((*inflated)->compression(), Compression::zstd);
  const auto text = test::drain(**inflated);
  EXPECT_OK(text);
  return *text;
}

std::string compress(const std::string& text, unsigned threads, size_t step) {
  StringSink out;
  ZstdParallelSink sink(out, 3, threads, kCall);
  for (size_t at = 0; at < text.size(); at += step) {
    EXPECT_OK(sink.write(as_bytes(std::string_view(text).substr(at, step))));
  }
  EXPECT_OK(sink.finish());
  return out.text;
}

/// Some of it repeats itself, near and far.
std::string mixed() {
  std::string text = noise(3 << 20);
  text.append(text.substr(0, 1 << 20)).append(1 << 20, 'a').append(noise(12345));
  for (int i = 0; i < 50'000; ++i) text += "line " + std::to_string(i % 977) + "\n";
  return text;
}

TEST(ZstdParallelSink, WritesTheSameBytesWithAnyNumberOfThreads) {
  const std::string text = mixed();
  const std::string one = compress(text, 1, 1 << 20);
  EXPECT_TRUE(inflate(one) == text);
  EXPECT_TRUE(compress(text, 4, 77'777) == one);
}

TEST(ZstdParallelSink, WritesASingleFrame) {
  const std::string frame = compress(mixed(), 2, 1 << 20);
  EXPECT_EQ(ZSTD_findFrameCompressedSize(frame.data(), frame.size()), frame.size());
  EXPECT_TRUE(inflate(compress("", 2, 1)).empty());
}

TEST(ZstdParallelSink, MakesLongRunsOfZerosFromNothing) {
  // What surrounds the zeros would find matches before them, or repeat the last distance.
  const std::string around = "abababababababababab" + mixed();
  StringSink out;
  ZstdParallelSink sink(out, 3, 2, kCall);
  std::string expected;
  for (const uint64_t zeros : {uint64_t{64} << 20, uint64_t{1000}, (uint64_t{3} << 20) + 77, uint64_t{128} << 10}) {
    ASSERT_OK(sink.write(as_bytes(around)));
    ASSERT_OK(sink.zeros(zeros));
    expected.append(around).append(static_cast<size_t>(zeros), '\0');
  }
  ASSERT_OK(sink.write(as_bytes("abababab")));
  ASSERT_OK(sink.finish());
  EXPECT_TRUE(inflate(out.text) == expected + "abababab");
  EXPECT_EQ(ZSTD_findFrameCompressedSize(out.text.data(), out.text.size()), out.text.size());
}

TEST(ZstdParallelSink, TakesZerosFirstAndLast) {
  StringSink out;
  ZstdParallelSink sink(out, 3, 2, kCall);
  ASSERT_OK(sink.zeros(5 << 20));
  ASSERT_OK(sink.zeros(5 << 20));
  ASSERT_OK(sink.finish());
  EXPECT_TRUE(inflate(out.text) == std::string(10 << 20, '\0'));
}

TEST(ZstdParallelSink, StopsWithTheCall) {
  CancelToken token;
  const Call call(&token, Call::Clock::time_point::max(), nullptr, {});
  StringSink out;
  ZstdParallelSink sink(out, 3, 2, call);
  token.trigger();
  EXPECT_STATUS(Status::cancelled, sink.write(as_bytes(noise(6 << 20))));
}

}  // namespace
}  // namespace msb::archive
