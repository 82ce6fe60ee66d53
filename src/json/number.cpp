#include "json/number.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace msb::json {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The parts of a number of the grammar.
struct Token {
  bool negative = false;
  std::string_view integer;
  std::string_view fraction;
  std::string_view exponent;  // with its sign
  bool has_fraction = false;
  bool has_exponent = false;
};

std::string_view take_digits(std::string_view& rest) {
  size_t n = 0;
  while (n < rest.size() && is_digit(rest[n])) ++n;
  const std::string_view digits = rest.substr(0, n);
  rest.remove_prefix(n);
  return digits;
}

std::optional<Token> split(std::string_view rest) {
  Token token;
  if (rest.starts_with('-')) {
    token.negative = true;
    rest.remove_prefix(1);
  }
  token.integer = take_digits(rest);
  if (token.integer.empty() || (token.integer.size() > 1 && token.integer.front() == '0')) return std::nullopt;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    token.has_fraction = true;
    token.fraction = take_digits(rest);
    if (token.fraction.empty()) return std::nullopt;
  }
  if (rest.starts_with('e') || rest.starts_with('E')) {
    token.has_exponent = true;
    token.exponent = rest.substr(1);
    rest.remove_prefix(1);
    if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
    if (take_digits(rest).empty()) return std::nullopt;
  }
  if (!rest.empty()) return std::nullopt;
  return token;
}

// Appends a digit unless the sum overflows.
bool push_digit(uint64_t& significand, char digit) {
  uint64_t grown;
  if (__builtin_mul_overflow(significand, uint64_t{10}, &grown)) return false;
  if (__builtin_add_overflow(grown, static_cast<uint64_t>(digit - '0'), &grown)) return false;
  significand = grown;
  return true;
}

// Exponents beyond any that matter are cut to this, far from where sums with them could overflow.
constexpr int64_t kFarExponent = int64_t{1} << 40;

int64_t exponent_of(std::string_view text) {
  if (text.empty()) return 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool far = status != std::errc() || value > kFarExponent || value < -kFarExponent;
  if (!far) return value;
  return text.starts_with('-') ? -kFarExponent : kFarExponent;
}

double power_of_ten(int64_t exponent) {
  const std::string text = "1e" + std::to_string(exponent);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// significand × 10^exponent with the roundings of serde_json: one for every factor.
double scale(uint64_t significand, int64_t exponent) {
  constexpr int64_t kMaxPower = std::numeric_limits<double>::max_exponent10;
  auto value = static_cast<double>(significand);
  while (exponent < -kMaxPower && value != 0) {
    value /= power_of_ten(kMaxPower);
    exponent += kMaxPower;
  }
  if (value == 0) return 0;
  if (exponent > kMaxPower) return std::numeric_limits<double>::infinity();
  return exponent < 0 ? value / power_of_ten(-exponent) : value * power_of_ten(exponent);
}

}  // namespace

bool is_number(std::string_view token) { return split(token).has_value(); }

std::optional<Number> read_number(std::string_view text) {
  const std::optional<Token> token = split(text);
  if (!token) return std::nullopt;

  uint64_t significand = 0;
  int64_t exponent = 0;
  for (const char digit : token->integer) {
    // Once a digit did not fit, those after it are not tried: they only count.
    if (exponent > 0 || !push_digit(significand, digit)) ++exponent;
  }
  if (exponent == 0 && !token->has_fraction && !token->has_exponent) {
    constexpr uint64_t kMinusMin = uint64_t{1} << 63;
    if (!token->negative) return significand;
    if (significand != 0 && significand <= kMinusMin) return static_cast<int64_t>(-significand);
  }
  // The fraction tries anew, and its digits may fit where one of the integer did not.
  for (const char digit : token->fraction) {
    if (!push_digit(significand, digit)) break;
    --exponent;
  }
  exponent += exponent_of(token->exponent);

  const double value = scale(significand, exponent);
  if (std::isinf(value)) return std::nullopt;
  return token->negative ? -value : value;
}

void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  if (std::signbit(value)) out += '-';

  // [d.ddd]e±dd, from which the digits and the exponent are taken and laid out again.
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, std::fabs(value), std::chars_format::scientific).ptr;
  const std::string_view all(text, static_cast<size_t>(end - text));
  const size_t e = all.find('e');
  std::string digits(all.substr(0, 1));
  if (e > 2) digits += all.substr(2, e - 2);
  const auto exponent = static_cast<int>(exponent_of(all.substr(e + 1)));

  if (exponent < -5 || exponent > 15) {
    if (digits.size() > 1) digits.insert(1, ".");
    out += digits;
    out += exponent < 0 ? "e" : "e+";
    out += std::to_string(exponent);
    return;
  }
  if (exponent < 0) digits.insert(0, static_cast<size_t>(-exponent), '0');
  const size_t point = exponent < 0 ? 1 : static_cast<size_t>(exponent) + 1;
  if (digits.size() <= point) digits.append(point + 1 - digits.size(), '0');
  digits.insert(point, ".");
  out += digits;
}

}  // namespace msb::json
