#include "archive/inflate.h"

#include <gtest/gtest.h>

#include "support/compress.h"
#include "support/streams.h"

namespace msb::archive {
namespace {

using test::drain;
using test::gzip;
using test::noise;
using test::StringSource;
using test::zstd;
using test::zstd_skippable;

struct Outcome {
  Compression compression = Compression::none;
  Status status = Status::ok;
  std::string text;
};

Outcome inflate(const std::string& blob, size_t step = SIZE_MAX, const InflateLimits& limits = {}) {
  StringSource source(blob, step);
  Outcome outcome;
  auto inflated = InflatedSource::open(source, limits);
  if (!inflated) {
    outcome.status = inflated.error().status();
    return outcome;
  }
  outcome.compression = (*inflated)->compression();
  auto text = drain(**inflated, 3000);
  if (text) {
    outcome.text = *text;
  } else {
    outcome.status = text.error().status();
    outcome.text = text.error().message();
  }
  return outcome;
}

/// Compressible and not, so that stored and coded blocks occur.
std::string sample() { return noise(70000) + std::string(300000, 'x') + noise(1000, 7); }

struct Case {
  const char* name;
  std::string blob;
  Compression compression;
  std::string text;
};

std::vector<Case> good_cases() {
  const std::string text = sample();
  return {
      {"nothing", "", Compression::none, ""},
      {"plain", text, Compression::none, text},
      {"shorter_than_a_magic", "ab", Compression::none, "ab"},
      {"gzip", gzip(text), Compression::gzip, text},
      {"gzip_stored", gzip(text, 0), Compression::gzip, text},
      {"gzip_of_nothing", gzip(""), Compression::gzip, ""},
      {"gzip_members", gzip("one") + gzip("") + gzip(text) + gzip("four"), Compression::gzip, "one" + text + "four"},
      {"gzip_padded", gzip(text) + std::string(200000, '\0'), Compression::gzip, text},
      {"zstd", zstd(text), Compression::zstd, text},
      {"zstd_frames", zstd("one") + zstd(text) + zstd(""), Compression::zstd, "one" + text},
      {"zstd_skippable_first", zstd_skippable("toc") + zstd(text), Compression::zstd, text},
      {"zstd_skippable_between_and_last", zstd("a") + zstd_skippable("") + zstd("b") + zstd_skippable(noise(9000)),
       Compression::zstd, "ab"},
      {"zstd_padded", zstd(text) + std::string(3, '\0'), Compression::zstd, text},
  };
}

TEST(Inflate, FindsTheCompressionAndReadsItAll) {
  for (const auto& c : good_cases()) {
    for (const size_t step : {SIZE_MAX, size_t{4096}, size_t{1}}) {
      SCOPED_TRACE(std::string(c.name) + " in steps of " + std::to_string(step));
      const Outcome outcome = inflate(c.blob, step);
      EXPECT_EQ(outcome.status, Status::ok) << outcome.text;
      EXPECT_EQ(outcome.compression, c.compression);
      EXPECT_TRUE(outcome.text == c.text) << outcome.text.size() << " bytes";
    }
  }
}

TEST(Inflate, RefusesWhatIsCutShort) {
  const std::string text = sample();
  for (const std::string& blob : {gzip(text), zstd(text), gzip("a") + gzip("b"), zstd("a") + zstd_skippable("toc")}) {
    for (const size_t missing : {1, 5, 9}) {
      const Outcome outcome = inflate(blob.substr(0, blob.size() - missing));
      EXPECT_EQ(outcome.status, Status::image_invalid) << missing;
    }
  }
}

TEST(Inflate, RefusesGarbageAfterTheEnd) {
  for (const char* garbage : {"x", "\x1F\x8B", "garbage that is longer than a header"}) {
    EXPECT_EQ(inflate(gzip("a") + garbage).status, Status::image_invalid);
    EXPECT_EQ(inflate(zstd("a") + garbage).status, Status::image_invalid);
    EXPECT_EQ(inflate(gzip("a") + std::string(9, '\0') + garbage).status, Status::image_invalid);
  }
  EXPECT_EQ(inflate(gzip("a") + zstd("b")).status, Status::image_invalid);
}

TEST(Inflate, RefusesDamage) {
  const std::string text = sample();
  for (const size_t from_end : {1, 5}) {  // length, checksum
    std::string blob = gzip(text);
    blob[blob.size() - from_end] ^= 1;
    EXPECT_EQ(inflate(blob).status, Status::image_invalid) << from_end;
  }
  for (std::string blob : {gzip(text), zstd(text)}) {
    blob[blob.size() / 2] ^= 0x10;
    EXPECT_EQ(inflate(blob).status, Status::image_invalid);
  }
}

TEST(Inflate, RefusesReservedFlags) {
  for (const char flag : {'\x20', '\x40', '\x80'}) {
    std::string blob = gzip(sample());
    blob[3] = flag;
    EXPECT_EQ(inflate(blob).status, Status::image_invalid) << static_cast<int>(flag);
    for (auto* make : {make_zlib_decoder, make_gzip_decoder}) {
      const auto decoder = make();
      decoder->begin();
      std::string room(5000, '\0');
      MemberDecoder::Step step;
      EXPECT_FALSE(decoder->step(as_bytes(blob), std::as_writable_bytes(std::span(room)), step));
    }
  }
}

TEST(Inflate, StopsABomb) {
  const std::string zeros(1 << 20, '\0');
  const InflateLimits limits{(1 << 20) - 1};
  for (const std::string& blob : {gzip(zeros), zstd(zeros), gzip(zeros.substr(7)) + gzip("12345678"), 'x' + zeros}) {
    const Outcome outcome = inflate(blob, SIZE_MAX, limits);
    EXPECT_EQ(outcome.status, Status::image_invalid);
    EXPECT_NE(outcome.text.find("more than 1048575 bytes"), std::string::npos) << outcome.text;
  }
  EXPECT_EQ(inflate(gzip(zeros), SIZE_MAX, {1 << 20}).status, Status::ok);
}

/// ISA-L stands in for zlib where it is present: both must see the same members.
TEST(Inflate, GzipDecodersAgree) {
  std::vector<std::unique_ptr<MemberDecoder>> decoders;
  decoders.push_back(make_zlib_decoder());
  decoders.push_back(make_gzip_decoder());
  const std::string text = sample();
  std::string named = gzip(text);  // a header with every optional field
  named[3] = 4 + 8 + 16;
  named.insert(10, std::string("\x03\x00xyz", 5) + std::string("name\0comment\0", 13));
  for (const std::string& blob : {gzip(text), gzip(text, 1), gzip(text, 9), named}) {
    for (auto& decoder : decoders) {
      for (const size_t step_size : {size_t{1}, size_t{4096}, blob.size()}) {
        decoder->begin();
        std::string out;
        std::string room(5000, '\0');
        size_t offset = 0;
        MemberDecoder::Step step;
        while (!step.finished && offset <= blob.size()) {
          const Bytes in = as_bytes(std::string_view(blob).substr(offset, step_size));
          ASSERT_TRUE(decoder->step(in, std::as_writable_bytes(std::span(room)), step)) << decoder->problem();
          offset += step.consumed;
          out.append(room, 0, step.produced);
          ASSERT_TRUE(step.finished || step.consumed + step.produced != 0);
        }
        EXPECT_EQ(offset, blob.size());
        EXPECT_TRUE(out == text);
      }
    }
  }
}

}  // namespace
}  // namespace msb::archive
