#include "snapshot/timestamp.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace msb::snapshot {
namespace {

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Takes `digits` decimal digits whose value is at most `most`.
bool take_number(std::string_view& text, size_t digits, int most, int& value) {
  if (text.size() < digits) return false;
  value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value <= most;
}

/// Takes `.` and digits; keeps at most nine, without trailing zeros.
bool take_fraction(std::string_view& text, std::string& fraction) {
  if (!take(text, ".")) return true;
  const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  if (end == 0) return false;
  fraction = text.substr(0, std::min<size_t>(end, 9));
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  text.remove_prefix(end);
  return true;
}

/// Takes the zone; minutes east of UTC.
bool take_zone(std::string_view& text, int& minutes) {
  minutes = 0;
  if (take(text, "Z") || take(text, "z")) return true;
  int sign = 1;
  if (take(text, "-") || take(text, "\xE2\x88\x92")) {  // U+2212 MINUS SIGN
    sign = -1;
  } else if (!take(text, "+")) {
    return false;
  }
  int hour = 0;
  int minute = 0;
  if (!take_number(text, 2, 23, hour) || !take(text, ":") || !take_number(text, 2, 59, minute)) return false;
  minutes = sign * (hour * 60 + minute);
  return true;
}

}  // namespace

std::optional<std::string> normalize_timestamp(std::string_view text) {
  namespace ch = std::chrono;
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int zone = 0;
  std::string fraction;
  if (!take_number(text, 4, 9999, year) || !take(text, "-") || !take_number(text, 2, 12, month) || !take(text, "-") ||
      !take_number(text, 2, 31, day) || !(take(text, "T") || take(text, "t") || take(text, " ")) ||
      !take_number(text, 2, 23, hour) || !take(text, ":") || !take_number(text, 2, 59, minute) || !take(text, ":") ||
      !take_number(text, 2, 60, second) || !take_fraction(text, fraction) || !take_zone(text, zone) || !text.empty()) {
    return std::nullopt;
  }
  const ch::year_month_day date{ch::year(year), ch::month(static_cast<unsigned>(month)),
                                ch::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  // The second takes no part in the shift, so that 60 stays 60.
  const auto moment = ch::sys_days(date) + ch::hours(hour) + ch::minutes(minute) - ch::minutes(zone);
  const auto midnight = ch::floor<ch::days>(moment);
  const ch::year_month_day utc(midnight);
  const ch::hh_mm_ss clock(moment - midnight);
  if (static_cast<int>(utc.year()) < 0 || static_cast<int>(utc.year()) > 9999) return std::nullopt;
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(utc.year()),
                static_cast<unsigned>(utc.month()), static_cast<unsigned>(utc.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()), second);
  std::string normal = buffer.data();
  if (!fraction.empty()) normal += "." + fraction;
  return normal + "Z";
}

}  // namespace msb::snapshot
