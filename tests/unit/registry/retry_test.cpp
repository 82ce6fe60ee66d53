#include "registry/retry.h"

#include "support/result.h"

namespace msb::registry {
namespace {

using std::chrono::milliseconds;

Patience hasty() {
  Patience patience;
  patience.first_pause = milliseconds(1);
  patience.longest_pause = milliseconds(2);
  patience.longest_wish = milliseconds(1000);
  patience.attempts = 4;
  return patience;
}
Error passing(Hope hope = Hope::good) { return transient(Error(Status::http, "x"), hope); }

/// How many failures are waited out.
int patience_for(Hope hope) {
  const Patience patience = hasty();
  Retry retry(patience);
  int waits = 0;
  while (retry.wait(passing(hope), Call())) ++waits;
  return waits;
}

TEST(Retry, IsBounded) {
  EXPECT_EQ(patience_for(Hope::good), 3);
  EXPECT_EQ(patience_for(Hope::faint), 2);
}

TEST(Retry, DoesNotRepeatWhatCannotPass) {
  const Patience patience = hasty();
  Retry retry(patience);
  EXPECT_STATUS(Status::http, retry.wait(Error(Status::http, "denied"), Call()));
}

TEST(Retry, BeginsAnewAfterProgress) {
  const Patience patience = hasty();
  Retry retry(patience);
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK(retry.wait(passing(), Call()));
    retry.progressed();
  }
}

TEST(Retry, WaitsAsLongAsItIsTold) {
  const Patience patience = hasty();
  Retry retry(patience);
  const auto begin = Call::Clock::now();
  ASSERT_OK(retry.wait(retry_after(passing(), milliseconds(40)), Call()));
  EXPECT_GE(Call::Clock::now() - begin, milliseconds(40));
  EXPECT_STATUS(Status::http, retry.wait(retry_after(passing(), milliseconds(2000)), Call()));
}

TEST(Retry, StopsWithTheCall) {
  Patience patience = hasty();
  patience.first_pause = patience.longest_pause = std::chrono::minutes(1);
  Retry retry(patience);
  const Call call(nullptr, Call::Clock::now() + milliseconds(20), {}, milliseconds(50));
  EXPECT_STATUS(Status::deadline_exceeded, retry.wait(passing(), call));
}

TEST(RetryAfter, SecondsAndDates) {
  constexpr UnixNanos kNow = UnixNanos{784'111'777} * 1'000'000'000;  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("120", kNow), milliseconds(120'000));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", kNow), milliseconds(10'000));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:27 GMT", kNow), milliseconds(0)) << "it is past";
  EXPECT_EQ(parse_retry_after("soon", kNow), std::nullopt);
  EXPECT_EQ(parse_retry_after("-5", kNow), std::nullopt);
}

}  // namespace
}  // namespace msb::registry
