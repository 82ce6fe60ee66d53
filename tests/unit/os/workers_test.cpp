#include "os/workers.h"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/result.h"

namespace msb::os {
namespace {

using std::chrono::milliseconds;

class Workers : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Threads, Workers, testing::Values(1U, 2U, 8U));

TEST_P(Workers, EveryItemOnce) {
  std::vector<std::atomic<int>> seen(100);
  EXPECT_OK(parallel_for_each(seen.size(), GetParam(), Call(), [&](size_t i, const Call&) {
    ++seen[i];
    return Done();
  }));
  for (const auto& times : seen) EXPECT_EQ(times.load(), 1);
}

TEST_P(Workers, ThrownBecomesInternal) {
  const auto done = parallel_for_each(4, GetParam(), Call(), [](size_t i, const Call&) -> Done {
    if (i == 2) throw std::runtime_error("oops");
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().status(), Status::internal);
  EXPECT_NE(done.error().message().find("oops"), std::string::npos);
}

TEST_P(Workers, FailureBeginsNoMore) {
  std::atomic<size_t> begun = 0;
  EXPECT_STATUS(Status::image_invalid,
                parallel_for_each(1000, GetParam(), Call(), [&](size_t i, const Call& part) -> Done {
                  ++begun;
                  if (i == 3) return Error(Status::image_invalid, "third");
                  return part.pause(milliseconds(1));
                }));
  EXPECT_LT(begun.load(), 1000U);
}

TEST_P(Workers, CancelReachesTheWork) {
  CancelToken token;
  const Call call(&token, Call::Clock::time_point::max(), nullptr, milliseconds(0));
  EXPECT_STATUS(Status::cancelled, parallel_for_each(8, GetParam(), call, [&](size_t i, const Call& part) -> Done {
                  if (i == 0) token.trigger();
                  return part.pause(milliseconds(60'000));
                }));
}

TEST(WorkersTogether, SiblingsAreStoppedAndTheCauseIsReported) {
  // 0 waits for ever unless stopped; 1 fails. What 0 says then (cancelled) is a consequence, although it is lower.
  EXPECT_STATUS(Status::image_invalid, parallel_for_each(2, 2, Call(), [](size_t i, const Call& part) -> Done {
                  if (i == 1) return Error(Status::image_invalid, "bad layer");
                  return part.pause(milliseconds(60'000));
                }));
}

TEST(WorkersTogether, LowestFailureWins) {
  std::atomic<int> arrived = 0;
  const auto done = parallel_for_each(4, 4, Call(), [&](size_t i, const Call&) -> Done {
    ++arrived;
    while (arrived.load() < 4) std::this_thread::yield();  // all fail on their own account
    return Error(Status::custom, std::to_string(i));
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(), "0");
}

TEST(WorkersTogether, ProgressArrivesOnTheCallersThread) {
  std::vector<std::thread::id> where;
  const Call call(
      nullptr, Call::Clock::time_point::max(), [&](const Progress&) { where.push_back(std::this_thread::get_id()); },
      milliseconds(0));
  EXPECT_OK(parallel_for_each(3, 2, call, [](size_t i, const Call& part) {
    Progress progress;
    progress.item = std::to_string(i);
    part.report(progress);
    return Done();
  }));
  call.deliver();
  ASSERT_EQ(where.size(), 3U);
  for (const auto& id : where) EXPECT_EQ(id, std::this_thread::get_id());
}

}  // namespace
}  // namespace msb::os
