#include "registry/retry.h"

#include <algorithm>
#include <random>
#include <string>

#include "base/number.h"
#include "registry/libcurl.h"

namespace msb::registry {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kTransient = "transient";
constexpr std::string_view kFaint = "faint";
constexpr unsigned kFaintAttempts = 3;
constexpr std::string_view kRetryAfter = "retry_after_ms";

std::optional<int64_t> number(std::string_view text) {
  const auto value = parse_number<int64_t>(text);
  return value && *value >= 0 ? value : std::nullopt;
}

double random_between(double least, double most) {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(least, most)(engine);
}

}  // namespace

Error transient(Error error, Hope hope) {
  return std::move(error).with(kTransient, hope == Hope::faint ? kFaint : "good");
}
Error retry_after(Error error, milliseconds time) {
  return std::move(error).with(kRetryAfter, std::to_string(time.count()));
}

bool is_transient(const Error& error) { return error.fact(kTransient) != nullptr; }

std::optional<milliseconds> parse_retry_after(std::string_view text, UnixNanos now) {
  constexpr int64_t kMostSeconds = 1'000'000'000;
  if (const auto seconds = number(text)) return milliseconds(std::min(*seconds, kMostSeconds) * 1000);
  const std::string date(text);
  if (!load_libcurl()) return std::nullopt;
  const time_t time = libcurl().getdate(date.c_str(), nullptr);
  if (time < 0) return std::nullopt;
  constexpr int64_t kNanos = 1'000'000'000;
  return milliseconds(std::clamp<int64_t>(static_cast<int64_t>(time) - now / kNanos, 0, kMostSeconds) * 1000);
}

Done Retry::wait(Error failure, const Call& call) {
  const std::string* hope = failure.fact(kTransient);
  if (hope == nullptr) return failure;
  const unsigned most = *hope == kFaint ? std::min(kFaintAttempts, patience_->attempts) : patience_->attempts;
  if (++failures_ >= most) return failure;
  const unsigned doublings = std::min(failures_ - 1, 20U);
  const auto full = std::min(patience_->first_pause * (int64_t{1} << doublings), patience_->longest_pause);
  auto pause = milliseconds(static_cast<int64_t>(static_cast<double>(full.count()) * random_between(0.5, 1.0)));
  if (const std::string* after = failure.fact(kRetryAfter)) {
    const milliseconds wish(number(*after).value_or(0));
    if (wish > patience_->longest_wish) return failure;
    pause = std::max(pause, wish);
  }
  return call.pause(pause);
}

}  // namespace msb::registry
