#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/call.h"
#include "base/time.h"

namespace msb::registry {

/// How patient a client is. Tests are less so.
struct Patience {
  std::chrono::milliseconds connect{30'000};   ///< until a connection stands
  std::chrono::milliseconds stall{30'000};     ///< without a byte, while we wait for one
  std::chrono::milliseconds first_pause{250};  ///< before the second attempt; doubled before each that follows
  std::chrono::milliseconds longest_pause{10'000};
  std::chrono::milliseconds longest_wish{60'000};  ///< a server that asks for a longer pause is not waited for
  unsigned attempts = 6;                           ///< in a row without progress
};

/// How much to expect of another attempt. Faint where nobody was reached, for who is offline should hear of it soon,
/// and where an answer was not what its digest says.
enum class Hope { good, faint };

// A failure that another attempt may cure carries the fact `transient`, and `retry_after_ms` where the server said
// when.
Error transient(Error error, Hope hope = Hope::good);
bool is_transient(const Error& error);
/// Adds what a Retry-After header says.
Error retry_after(Error error, std::chrono::milliseconds time);

/// Value of a Retry-After header: seconds, or a date as RFC 9110 has it. Nothing when it is neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, UnixNanos now);

/// Counts the attempts at one thing.
class Retry {
 public:
  explicit Retry(const Patience& patience) : patience_(&patience) {}

  /// After a failure: returns it when another attempt is of no use, else waits for a while, which is longer each time
  /// and never quite the same, so that many clients do not come back at once.
  Done wait(Error failure, const Call& call);
  /// Something has come of the last attempt.
  void progressed() { failures_ = 0; }

 private:
  const Patience* patience_;
  unsigned failures_ = 0;
};

}  // namespace msb::registry
