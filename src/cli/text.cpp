#include "cli/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace msbctl {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

struct Instant {
  time_t seconds;
  int64_t nanoseconds;
};

Instant split(int64_t ns) {
  int64_t seconds = ns / kSecond;
  int64_t rest = ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  return {static_cast<time_t>(seconds), rest};
}

std::string format_time(const tm& broken, const char* format) {
  std::array<char, 64> text{};
  return {text.data(), strftime(text.data(), text.size(), format, &broken)};
}

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// Length of the UTF-8 sequence that the text begins with; 0 when it begins with none.
size_t sequence_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const auto second = text.size() > 1 ? static_cast<unsigned char>(text[1]) : 0U;
  size_t length = 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) length = 2;
  if (first >= 0xE0 && first <= 0xEF) length = 3;
  if (first >= 0xF0 && first <= 0xF4) length = 4;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!continues(text[i])) return 0;
  }
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool beyond = (first == 0xED && second >= 0xA0) || (first == 0xF4 && second >= 0x90);
  return overlong || beyond ? 0 : length;
}

template <class Visit>
std::string rewrite(std::string_view text, Visit visit) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    if (length == 0) {
      result += "\xEF\xBF\xBD";
    } else {
      visit(result, text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

}  // namespace

std::string human_size(uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  static constexpr std::array<const char*, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  snprintf(text.data(), text.size(), "%.1f %s", value, kUnits[unit]);
  return text.data();
}

std::string clock_time(uint64_t seconds) {
  std::array<char, 48> text{};
  const unsigned long long hours = seconds / 3600;
  const auto minutes = static_cast<unsigned>(seconds / 60 % 60);
  const auto rest = static_cast<unsigned>(seconds % 60);
  if (hours > 0) {
    snprintf(text.data(), text.size(), "%llu:%02u:%02u", hours, minutes, rest);
  } else {
    snprintf(text.data(), text.size(), "%u:%02u", minutes, rest);
  }
  return text.data();
}

std::string local_time(int64_t ns) {
  if (ns == INT64_MIN) return "-";
  tm broken{};
  const Instant instant = split(ns);
  localtime_r(&instant.seconds, &broken);
  return format_time(broken, "%Y-%m-%d %H:%M:%S");
}

std::string utc_time(int64_t ns) {
  tm broken{};
  const Instant instant = split(ns);
  gmtime_r(&instant.seconds, &broken);
  std::string text = format_time(broken, "%Y-%m-%dT%H:%M:%S");
  if (instant.nanoseconds != 0) {
    std::array<char, 16> fraction{};
    snprintf(fraction.data(), fraction.size(), ".%09lld", static_cast<long long>(instant.nanoseconds));
    std::string digits = fraction.data();
    while (digits.ends_with("000")) digits.resize(digits.size() - 3);
    text += digits;
  }
  return text + "+00:00";
}

std::string short_digest(std::string_view digest) {
  const size_t colon = digest.find(':');
  return std::string(colon == std::string_view::npos ? digest : digest.substr(0, colon + 13));
}

std::string printable(std::string_view text) {
  return rewrite(text, [](std::string& result, std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    // C0 and DEL, and the C1 controls, which UTF-8 spells C2 80 to C2 9F.
    const bool control = character.size() == 1 ? first < 0x20 || first == 0x7F
                                               : first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
    if (!control) {
      result += character;
      return;
    }
    std::array<char, 8> escaped{};
    const char code = character.back();
    snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(code)));
    result += escaped.data();
  });
}

std::string utf8(std::string_view text) {
  return rewrite(text, [](std::string& result, std::string_view character) { result += character; });
}

size_t columns_of(std::string_view text) {
  size_t columns = 0;
  for (const char byte : text) columns += continues(byte) ? 0 : 1;
  return columns;
}

std::string cut(std::string_view text, size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  std::string result;
  size_t taken = 0;
  for (const char byte : text) {
    if (!continues(byte) && ++taken >= columns) break;
    result += byte;
  }
  return columns == 0 ? std::string() : result + "…";
}

std::string wrap(std::string_view text, size_t width, size_t indent) {
  std::string result;
  const std::string margin(indent, ' ');
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!result.empty()) result += '\n' + (line.empty() ? std::string() : margin);
    if (line.starts_with(' ')) {
      result += line;
      continue;
    }
    size_t column = 0;
    for (size_t begin = 0; begin < line.size();) {
      const size_t space = std::min(line.find(' ', begin), line.size());
      const std::string_view word = line.substr(begin, space - begin);
      if (column > 0 && column + 1 + columns_of(word) > width) {
        result += '\n' + margin;
        column = 0;
      }
      if (column > 0) result += ' ', ++column;
      result += word;
      column += columns_of(word);
      begin = space + 1;
    }
  }
  return result;
}

std::string counted(uint64_t count, std::string_view noun) {
  return std::to_string(count) + ' ' + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace msbctl
