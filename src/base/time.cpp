#include "base/time.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <limits>

namespace msb {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

std::string format(UnixNanos time, char separator, std::string_view suffix) {
  namespace ch = std::chrono;
  int64_t seconds = time / kNanosPerSecond;
  int64_t nanos = time % kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --seconds;
  }
  const ch::sys_seconds at{ch::seconds(seconds)};
  const auto day = ch::floor<ch::days>(at);
  const ch::year_month_day date(day);
  const ch::hh_mm_ss clock(at - day);
  std::array<char, 96> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02u%c%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), separator,
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string text = buffer.data();
  if (nanos != 0) {
    int digits = 9;
    while (nanos % 1000 == 0) {
      nanos /= 1000;
      digits -= 3;
    }
    std::snprintf(buffer.data(), buffer.size(), ".%0*lld", digits, static_cast<long long>(nanos));
    text += buffer.data();
  }
  text += suffix;
  return text;
}

/// Takes exactly `digits` decimal digits off the front of `text`.
std::optional<int> take_number(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// Offset east of UTC in seconds.
std::optional<int> take_zone(std::string_view& text) {
  if (text.empty() || take_char(text, "Zz")) return 0;
  const int sign = text.front() == '-' ? -1 : 1;
  if (!take_char(text, "+-")) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take_char(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

}  // namespace

UnixNanos now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string format_db_time(UnixNanos time) { return format(time, ' ', ""); }
std::string format_rfc3339(UnixNanos time, std::string_view suffix) { return format(time, 'T', suffix); }

std::optional<UnixNanos> parse_time(std::string_view text) {
  namespace ch = std::chrono;
  const auto year = take_number(text, 4);
  if (!year || !take_char(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take_char(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take_char(text, "Tt ")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take_char(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take_char(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *second > 60) return std::nullopt;
  int64_t nanos = 0;
  if (take_char(text, ".")) {
    int64_t unit = kNanosPerSecond;
    bool any = false;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      any = true;
      unit /= 10;
      nanos += (text.front() - '0') * unit;
      text.remove_prefix(1);
    }
    if (!any) return std::nullopt;
  }
  const auto zone = take_zone(text);
  if (!zone || !text.empty()) return std::nullopt;
  const ch::year_month_day date{ch::year(*year), ch::month(static_cast<unsigned>(*month)),
                                ch::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const int64_t seconds =
      ch::sys_days(date).time_since_epoch().count() * int64_t{86400} + *hour * 3600 + *minute * 60 + *second - *zone;
  int64_t scaled = 0;
  if (__builtin_mul_overflow(seconds, kNanosPerSecond, &scaled) || __builtin_add_overflow(scaled, nanos, &scaled)) {
    return std::nullopt;
  }
  return scaled;
}

}  // namespace msb
