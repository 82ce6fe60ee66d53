#include "base/call.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace msb {
namespace {

using std::chrono::milliseconds;

TEST(Call, WithoutControlsNeverStops) {
  const Call call;
  EXPECT_TRUE(call.check().ok());
}

TEST(Call, CancelIsSeenAndStays) {
  CancelToken token;
  const Call call(&token, Call::Clock::time_point::max(), nullptr, milliseconds(0));
  EXPECT_TRUE(call.check().ok());
  token.trigger();
  EXPECT_EQ(call.check().error().status(), Status::cancelled);
  EXPECT_EQ(call.pause(milliseconds(60'000)).error().status(), Status::cancelled);
}

TEST(Call, DeadlineIsSeen) {
  const Call call(nullptr, Call::Clock::now() - milliseconds(1), nullptr, milliseconds(0));
  EXPECT_EQ(call.check().error().status(), Status::deadline_exceeded);
}

Progress step(Phase phase, uint64_t done) {
  Progress progress;
  progress.phase = phase;
  progress.done = done;
  return progress;
}

TEST(Call, RateLimitsStepsButNotPhases) {
  std::vector<Progress> seen;
  const Call call(
      nullptr, Call::Clock::time_point::max(), [&](const Progress& p) { seen.push_back(p); }, milliseconds(60'000));
  for (uint64_t i = 0; i < 100; ++i) call.report(step(Phase::copying, i));
  call.report(step(Phase::hashing, 1));
  call.report(step(Phase::complete, 2));
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[0].phase, Phase::copying);
  EXPECT_EQ(seen[1].done, 99U);  // the last step of a phase arrives before the next phase
  EXPECT_EQ(seen[2].phase, Phase::hashing);
  EXPECT_EQ(seen[3].phase, Phase::complete);
}

TEST(Call, EventsOfWorkersArriveOnTheOwnersThread) {
  std::vector<std::thread::id> where;
  const Call call(
      nullptr, Call::Clock::time_point::max(), [&](const Progress&) { where.push_back(std::this_thread::get_id()); },
      milliseconds(0));
  std::thread([&] { call.report(step(Phase::copying, 1)); }).join();
  EXPECT_TRUE(where.empty());
  call.deliver();
  ASSERT_EQ(where.size(), 1U);
  EXPECT_EQ(where[0], std::this_thread::get_id());
}

TEST(Call, APartStopsWithItsParentOrAlone) {
  CancelToken whole;
  CancelToken one;
  std::vector<uint64_t> seen;
  const Call call(
      &whole, Call::Clock::time_point::max(), [&](const Progress& p) { seen.push_back(p.done); }, milliseconds(0));
  const Call part(call, one);
  part.report(step(Phase::copying, 7));
  EXPECT_EQ(seen, std::vector<uint64_t>{7});
  one.trigger();
  EXPECT_EQ(part.check().error().status(), Status::cancelled);
  EXPECT_TRUE(call.check().ok());
  CancelToken other;
  const Call sibling(call, other);
  EXPECT_TRUE(sibling.check().ok());
  whole.trigger();
  EXPECT_EQ(sibling.check().error().status(), Status::cancelled);
}

}  // namespace
}  // namespace msb
