#include "archive/zstd_frames_sink.h"

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
  ZstdFramesSink sink(out, 3, threads, kCall);
  for (size_t at = 0; at < text.size(); at += step) {
    EXPECT_OK(sink.write(as_bytes(std::string_view(text).substr(at, step))));
  }
  EXPECT_OK(sink.finish());
  return out.text;
}

TEST(ZstdFramesSink, WritesTheSameBytesWithAnyNumberOfThreads) {
  std::string text = noise(5 << 20);
  text.append(5 << 20, 'a').append(noise(12345));
  const std::string one = compress(text, 1, 1 << 20);
  EXPECT_TRUE(inflate(one) == text);
  EXPECT_TRUE(compress(text, 4, 77'777) == one);
}

TEST(ZstdFramesSink, WritesAFrameOfKnownSizeForEachPiece) {
  const std::string frames = compress(noise(ZstdFramesSink::kPiece + 1), 2, 1 << 20);
  EXPECT_EQ(ZSTD_getFrameContentSize(frames.data(), frames.size()), ZstdFramesSink::kPiece);
  const size_t first = ZSTD_findFrameCompressedSize(frames.data(), frames.size());
  ASSERT_FALSE(ZSTD_isError(first));
  EXPECT_EQ(ZSTD_getFrameContentSize(frames.data() + first, frames.size() - first), 1U);
}

TEST(ZstdFramesSink, MakesLongRunsOfZerosFromOneFrame) {
  StringSink out;
  ZstdFramesSink sink(out, 3, 2, kCall);
  ASSERT_OK(sink.write(as_bytes("head")));
  ASSERT_OK(sink.zeros(uint64_t{64} << 20));
  ASSERT_OK(sink.write(as_bytes("tail")));
  ASSERT_OK(sink.finish());
  EXPECT_LT(out.text.size(), 16384U);
  EXPECT_TRUE(inflate(out.text) == "head" + std::string(64 << 20, '\0') + "tail");
}

TEST(ZstdFramesSink, StopsWithTheCall) {
  CancelToken token;
  const Call call(&token, Call::Clock::time_point::max(), nullptr, {});
  StringSink out;
  ZstdFramesSink sink(out, 3, 2, call);
  token.trigger();
  EXPECT_STATUS(Status::cancelled, sink.write(as_bytes(noise(6 << 20))));
}

}  // namespace
}  // namespace msb::archive
