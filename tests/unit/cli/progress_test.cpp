#include "cli/progress.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "cli/text.h"

namespace msbctl {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kMiB = 1024 * 1024;
const Progress::Clock::time_point kStart{};

msb_progress event(uint32_t phase, uint64_t done, uint64_t total, const char* item = nullptr) {
  msb_progress result{};
  result.struct_size = sizeof result;
  result.phase = phase;
  result.done = done;
  result.total = total;
  result.total_known = total > 0;
  result.item = item;
  return result;
}

TEST(ProgressLine, StaysAwayWhileWorkIsQuick) {
  Progress progress;
  EXPECT_EQ(progress.update(event(MSB_PHASE_COPYING, 0, kMiB), kStart, 79), "");
  EXPECT_EQ(progress.update(event(MSB_PHASE_COPYING, kMiB / 2, kMiB), kStart + milliseconds(200), 79), "");
}

TEST(ProgressLine, ShowsBarRateAndTimeLeft) {
  Progress progress;
  progress.update(event(MSB_PHASE_COPYING, 0, 100 * kMiB), kStart, 79);
  EXPECT_EQ(progress.update(event(MSB_PHASE_COPYING, 25 * kMiB, 100 * kMiB), kStart + milliseconds(1000), 79),
            "Copying       ██▌         25%  25.0 MiB / 100.0 MiB  25.0 MiB/s  0:03 left");
}

TEST(ProgressLine, AddsUpWhatIsWorkedOnAtOnce) {
  Progress progress;
  for (uint32_t i = 0; i < 2; ++i) {
    msb_progress part = event(MSB_PHASE_MATERIALIZING, 0, 10 * kMiB, "layer");
    part.index = i;
    part.count = 2;
    progress.update(part, kStart, 79);
  }
  msb_progress second = event(MSB_PHASE_MATERIALIZING, 10 * kMiB, 10 * kMiB, "layer");
  second.index = 1;
  second.count = 2;
  EXPECT_EQ(progress.update(second, kStart + milliseconds(400), 120),
            "Materializing █████       50%  10.0 MiB / 20.0 MiB  2 of 2  layer");
}

TEST(ProgressLine, KeepsTheBarWhileLayersAreWritten) {
  Progress progress;
  const auto layer = [](uint32_t phase, uint32_t index, uint64_t done) {
    msb_progress part = event(phase, done, 10 * kMiB, "layer");
    part.index = index;
    part.count = 2;
    return part;
  };
  progress.update(layer(MSB_PHASE_DOWNLOADING, 0, 10 * kMiB), kStart, 79);
  const std::string line = progress.update(layer(MSB_PHASE_DOWNLOADING, 1, 0), kStart + milliseconds(400), 79);
  EXPECT_EQ(line, "Downloading   █████       50%  10.0 MiB / 20.0 MiB  2 of 2  layer");
  EXPECT_EQ(progress.update(layer(MSB_PHASE_WRITING, 0, 10 * kMiB), kStart + milliseconds(500), 79), line);
  progress.update(layer(MSB_PHASE_DOWNLOADING, 1, 10 * kMiB), kStart + milliseconds(600), 79);
  EXPECT_TRUE(progress.update(layer(MSB_PHASE_WRITING, 1, 0), kStart + milliseconds(700), 79).starts_with("Writing"));
}

msb_progress layer(uint32_t index, uint32_t count, uint64_t done, uint64_t total, const char* item) {
  msb_progress part = event(MSB_PHASE_DOWNLOADING, done, total, item);
  part.index = index;
  part.count = count;
  return part;
}

TEST(ProgressLines, ShowEachLayerAndTheTotal) {
  const std::string digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  Progress progress;
  progress.update(layer(0, 2, 0, 10 * kMiB, digest.c_str()), kStart, 79, 23);
  progress.update(layer(1, 2, 0, 10 * kMiB, "\x1b[2Jevil"), kStart, 79, 23);
  EXPECT_EQ(progress.update(layer(0, 2, 5 * kMiB, 10 * kMiB, digest.c_str()), kStart + milliseconds(1000), 79, 23),
            "0123456789ab  █████       50%  5.0 MiB / 10.0 MiB\n"
            "\\x1b[2Jevil                0%  0 B / 10.0 MiB\n"
            "Downloading   ██▌         25%  5.0 MiB / 20.0 MiB  5.0 MiB/s  0:03 left");
}

TEST(ProgressLines, ShowOnlyLayersThatStillComeWhereTheyAreMany) {
  Progress progress;
  for (uint32_t i = 0; i < 30; ++i) progress.update(layer(i, 30, 0, kMiB, "layer"), kStart, 79, 5);
  for (uint32_t i = 0; i < 28; ++i) progress.update(layer(i, 30, kMiB, kMiB, "done"), kStart, 79, 5);
  const std::string lines = progress.update(layer(29, 30, kMiB / 2, kMiB, "layer"), kStart + milliseconds(400), 79, 5);
  EXPECT_EQ(lines,
            "layer                      0%  0 B / 1.0 MiB\n"
            "layer         █████       50%  512.0 KiB / 1.0 MiB\n"
            "Downloading   █████████▌  95%  28.5 MiB / 30.0 MiB");
}

TEST(ProgressLines, NeverTakeMoreThanTheTerminalHas) {
  Progress progress;
  for (uint32_t i = 0; i < 30; ++i) progress.update(layer(i, 30, 0, kMiB, "layer"), kStart, 79, 4);
  const std::string lines = progress.update(layer(0, 30, kMiB / 2, kMiB, "layer"), kStart + milliseconds(400), 20, 4);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3);
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    EXPECT_LE(columns_of(lines.substr(at, end - at)), 20U);
    at = end + 1;
  }
}

TEST(ProgressMilestones, AreLayersThatHaveCome) {
  Progress progress;
  EXPECT_EQ(progress.milestone(layer(0, 2, 0, kMiB, "a")), "");
  EXPECT_EQ(progress.milestone(layer(1, 2, 0, 3 * kMiB, "b")), "");
  EXPECT_EQ(progress.milestone(layer(1, 2, 3 * kMiB, 3 * kMiB, "b")), "");
  msb_progress written = layer(1, 2, 3 * kMiB, 3 * kMiB, "b");
  written.phase = MSB_PHASE_WRITING;
  EXPECT_EQ(progress.milestone(written), "layer 2 of 2, 3.0 MiB");
}

TEST(ProgressMilestones, AreNoneOfOtherWork) {
  Progress progress;
  EXPECT_EQ(progress.milestone(event(MSB_PHASE_MATERIALIZING, kMiB, kMiB)), "");
  EXPECT_EQ(progress.milestone(event(MSB_PHASE_WRITING, kMiB, kMiB)), "");
}

TEST(ProgressLine, CountsItemsWithoutBytes) {
  Progress progress;
  progress.update(event(MSB_PHASE_INDEXING, 0, 8), kStart, 79);
  EXPECT_EQ(progress.update(event(MSB_PHASE_INDEXING, 8, 8), kStart + milliseconds(400), 79),
            "Indexing      ██████████ 100%  8 / 8");
}

TEST(ProgressLine, SaysWhatItKnowsWithoutATotal) {
  Progress progress;
  progress.update(event(MSB_PHASE_UNPACKING, 0, 0), kStart, 79);
  EXPECT_EQ(progress.update(event(MSB_PHASE_UNPACKING, 3 * kMiB, 0), kStart + milliseconds(1500), 79),
            "Unpacking     3.0 MiB  2.0 MiB/s");
}

TEST(ProgressLine, FitsTheTerminalAndCannotDriveIt) {
  Progress progress;
  progress.update(event(MSB_PHASE_COPYING, 0, 100), kStart, 30);
  const std::string line =
      progress.update(event(MSB_PHASE_COPYING, 50, 100, "\x1b[2Jevil"), kStart + milliseconds(400), 40);
  EXPECT_EQ(columns_of(line), 40U);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(ProgressLine, GoesWhenTheWorkIsDone) {
  Progress progress;
  progress.update(event(MSB_PHASE_COPYING, 0, 100), kStart, 79);
  EXPECT_EQ(progress.update(event(MSB_PHASE_COMPLETE, 0, 0), kStart + milliseconds(900), 79), "");
}

}  // namespace
}  // namespace msbctl
